#include "mosb/base/program.h"

#include <catch2/catch.hpp>

#include "mosb/base/boot_id.h"
#include "tests/support/must.h"

using namespace mosb;

TEST_CASE("a program is found where distributions put programs, and one that is not there is told",
          "[base]") {
  CHECK(must(find_program("sh")).ends_with("/sh"));
  CHECK(must(find_program("./own")) == "./own");
  const auto missing = find_program("mosb-no-such-program");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::kNotFound);
  CHECK(missing.error().message().find("mosb-no-such-program") != std::string::npos);
}

TEST_CASE("the last line of what a program said is the last that is not empty", "[base]") {
  CHECK(last_line("").empty());
  CHECK(last_line("\n\n").empty());
  CHECK(last_line("one") == "one");
  CHECK(last_line("one\ntwo\n\n") == "two");
}

TEST_CASE("the boot's id is one line and stays the same", "[base]") {
  const std::string id = must(current_boot_id());
  CHECK(id.size() == 36);
  CHECK(id.find('\n') == std::string::npos);
  CHECK(must(current_boot_id()) == id);
}
