#include "provider-kvm/run_record.h"

#include <csignal>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"

using namespace mosb;       // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::kvm;  // NOLINT(google-build-using-namespace): the part under test

namespace {

RunRecord full_record() {
  RunRecord record;
  record.boot_id = "3c5f9a1e-0000-4000-8000-000000000001";
  record.qemu = {1234, 567890};
  record.tpm = ProcessIdentity{1235, 567891};
  record.user = 61184;
  record.qemu_version = "7.2.22";
  record.accel = Accel::kKvm;
  record.since = SystemTime(std::chrono::seconds(1'700'000'000));
  record.forwards = {{Protocol::kTcp, must(IpAddress::parse("127.0.0.1")), 22222, std::nullopt, 22},
                     {Protocol::kUdp, std::nullopt, 53, must(IpAddress::parse("10.0.2.15")), 5353}};
  record.origin = "sha256:00";
  record.console_offset = 99;
  record.alive = true;
  record.ready = SystemTime(std::chrono::seconds(1'700'000'009));
  return record;
}

}  // namespace

TEST_CASE("the record of a run is read as it was written", "[run]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-"));
  const std::string file = dir.path() + "/run.json";
  CHECK_FALSE(must(read_run_record(file)));
  must(write_run_record(file, full_record()));
  CHECK(must(read_run_record(file)) == full_record());
  RunRecord least;
  least.qemu = {1, 1};
  must(write_run_record(file, least));
  CHECK(must(read_run_record(file)) == least);
}

TEST_CASE("a damaged record is an error of state, not a machine that is stopped", "[run]") {
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-"));
  const std::string file = dir.path() + "/run.json";
  for (const char* text : {"", "[]", "{", "{}", R"({"boot_id": "a", "qemu": {"pid": 0}})"}) {
    CAPTURE(text);
    must(replace_file(file, text, 0600));
    const auto record = read_run_record(file);
    REQUIRE_FALSE(record);
    CHECK(record.error().code() == Errc::kState);
  }
}

TEST_CASE("a process is known again by its start, and its number alone says nothing", "[run]") {
  const ProcessIdentity self = must(identify(::getpid()));
  CHECK(must(open_process(self)));
  CHECK_FALSE(must(open_process({self.pid, self.start_ticks + 1})));
  Child child = must(spawn({.argv = {"/bin/sleep", "100"}}));
  const ProcessIdentity other = must(identify(child.pid));
  CHECK(must(open_process(other)));
  ::kill(child.pid, SIGKILL);
  // Ended, but not yet waited for: no process that could be stopped.
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOWAIT) == 0);
  CHECK_FALSE(must(open_process(other)));
  (void)must(wait_for(child, std::nullopt));
  CHECK_FALSE(must(open_process(other)));
  CHECK_FALSE(identify(other.pid));
}
