#include "lxc/run_record.h"

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/temp_dir.h"

using namespace mosb;
using namespace mosb::lxc;

TEST_CASE("records read back as they were written", "[lxc]") {
  const TempDir dir = *TempDir::make("/tmp", "mosb-record-test-");
  const SystemTime time{std::chrono::seconds(1700000000)};
  CHECK_FALSE(*read_start_record(dir.path()));
  CHECK_FALSE(*read_run_record(dir.path()));
  CHECK_FALSE(*read_exit_record(dir.path()));
  REQUIRE(write_start_record(dir.path(), {"id1", "boot", time}));
  REQUIRE(write_run_record(dir.path(), {"id1", "boot", 10, 11, time, {"no AppArmor"}}));
  REQUIRE(write_exit_record(
      dir.path(),
      {"id1", {.code = 137, .signal = 9, .oom = true, .error = "bad \xff", .at = time}}));
  CHECK((*read_start_record(dir.path()))->since == time);
  const auto run = *read_run_record(dir.path());
  CHECK(run->init_pid == 11);
  CHECK(run->degraded == std::vector<std::string>{"no AppArmor"});
  const auto exit = *read_exit_record(dir.path());
  CHECK(exit->run_id == "id1");
  CHECK(exit->exit.oom);
  CHECK(exit->exit.signal == 9);
  CHECK(exit->exit.error == "bad \\xff");
}

TEST_CASE("a damaged record is damaged state, not an ended container", "[lxc]") {
  const TempDir dir = *TempDir::make("/tmp", "mosb-record-test-");
  for (const std::string text :
       {"", "{", "[]", "{}", R"({"run_id":"x","code":-1,"signal":0,"error":"","at":"now"})"}) {
    REQUIRE(write_file_atomic(dir.path() + "/exit.json", text, 0600));
    const auto record = read_exit_record(dir.path());
    REQUIRE_FALSE(record);
    CHECK(record.error().code() == Errc::kState);
  }
}

TEST_CASE("the run lock shows whether its holder lives, and looking does not take it", "[lxc]") {
  const TempDir dir = *TempDir::make("/tmp", "mosb-record-test-");
  CHECK_FALSE(*run_lock_is_held(dir.path()));
  int ready[2];
  REQUIRE(::pipe(ready) == 0);  // NOLINT(android-cloexec-pipe): the child needs it, nobody execs
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto lock = take_run_lock(dir.path());
    (void)!::write(ready[1], lock ? "y" : "n", 1);
    ::pause();
  }
  char answer = 0;
  REQUIRE(::read(ready[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  CHECK(*run_lock_is_held(dir.path()));
  CHECK(*run_lock_is_held(dir.path()));
  const auto second = take_run_lock(dir.path());
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::kBusy);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  CHECK_FALSE(*run_lock_is_held(dir.path()));
  CHECK(take_run_lock(dir.path()));
}
