#include "mosb/base/shared_library.h"

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace mosb;
using Catch::Matchers::Contains;

TEST_CASE("a function of a library that is loaded when it is needed can be called", "[base]") {
  const auto library = SharedLibrary::load("libc.so.6", "libc6");
  REQUIRE(library);
  decltype(&::getpid) function = nullptr;
  REQUIRE(library->find("getpid", &function));
  CHECK(function() == ::getpid());
}

TEST_CASE("a library that is missing is a matter of the host, with the package to install",
          "[base]") {
  const auto library = SharedLibrary::load("libno-such.so.1", "libno-such1");
  REQUIRE_FALSE(library);
  CHECK(library.error().code() == Errc::kHost);
  CHECK_THAT(library.error().message(), Contains("libno-such.so.1"));
  CHECK(library.error().hint() == "install the package libno-such1");
}

TEST_CASE("a library without the function is refused with the function's name", "[base]") {
  const auto library = SharedLibrary::load("libc.so.6", "libc6");
  REQUIRE(library);
  int (*function)() = nullptr;
  const Status found = library->find("no_such_function", &function);
  REQUIRE_FALSE(found);
  CHECK(found.error().code() == Errc::kHost);
  CHECK_THAT(found.error().message(), Contains("no_such_function"));
  CHECK(function == nullptr);
}
