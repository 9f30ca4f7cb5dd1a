#include "mosb/base/error.h"

#include <cerrno>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "mosb/base/result.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test

namespace {

Result<int> fails() {
  return Error(Errc::kVerity, "block 7 is corrupt");
}

Result<std::string> passes_on(bool fail) {
  const int value = MOSB_TRY(fail ? fails() : Result<int>(42));
  return std::to_string(value);
}

Status checks(bool fail) {
  MOSB_CHECK(fail ? Status(Error(Errc::kBusy, "held")) : ok());
  return ok();
}

Result<std::unique_ptr<int>> makes() {
  return std::make_unique<int>(1);
}

Result<int> unwraps() {
  const std::unique_ptr<int> value = MOSB_TRY(makes().context("make"));
  return *value;
}

}  // namespace

TEST_CASE("an error reads from the outermost operation to the cause", "[base]") {
  const Error error = Error(Errc::kVerity, "block 7").context("layer x").context("start 'web'");
  CHECK(error.message() == "start 'web': layer x: block 7");
  CHECK(error.code() == Errc::kVerity);
}

TEST_CASE("a failed system call keeps errno and gets its class from it", "[base]") {
  CHECK(Error::sys("open 'x'", ENOENT).message() == "open 'x': No such file or directory");
  CHECK(Error::sys("x", ENOENT).code() == Errc::kNotFound);
  CHECK(Error::sys("x", ENOENT).context("y").sys_errno() == ENOENT);
  for (const int full : {ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM}) {
    CHECK(Error::sys("x", full).code() == Errc::kResource);
  }
  CHECK(Error::sys("x", EPERM).code() == Errc::kInternal);
}

TEST_CASE("a full disk stays a full disk whatever the caller makes of it", "[base]") {
  CHECK(Error::sys("write", ENOSPC).as(Errc::kVerity).code() == Errc::kResource);
  CHECK(Error::sys("write", EIO).as(Errc::kVerity).code() == Errc::kVerity);
}

TEST_CASE("the innermost hint is the one that is shown", "[base]") {
  const Error error = Error(Errc::kUsage, "x").with_hint("first").with_hint("second");
  CHECK(error.hint() == "first");
}

TEST_CASE("the classes have the exit codes and names of the contract", "[base]") {
  CHECK(static_cast<int>(Errc::kNetwork) == 10);
  CHECK(static_cast<int>(Errc::kManifest) == 14);
  CHECK(static_cast<int>(Errc::kHost) == 22);
  CHECK(std::string(errc_name(Errc::kNotFound)) == "not-found");
  CHECK(std::string(errc_name(Errc::kNetSetup)) == "net-setup");
  CHECK(std::string(errc_name(Errc::kManifest)) == "manifest");
}

TEST_CASE("MOSB_TRY gives the value or leaves with the error", "[base]") {
  CHECK(*passes_on(false) == "42");
  const auto failed = passes_on(true);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "block 7 is corrupt");
  CHECK(checks(false));
  CHECK(checks(true).error().code() == Errc::kBusy);
  CHECK(*unwraps() == 1);
}

TEST_CASE("context, class and hint pass a value unchanged", "[base]") {
  CHECK(*Result<int>(1).context("x").as(Errc::kVerity).with_hint("h") == 1);
  const auto failed = fails().context("read").as(Errc::kContent).with_hint("h");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "read: block 7 is corrupt");
  CHECK(failed.error().code() == Errc::kContent);
  CHECK(failed.error().hint() == "h");
}
