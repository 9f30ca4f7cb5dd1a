#include <csignal>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "lxc/run_record.h"
#include "mosb/base/boot_id.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "tests/lxc/box.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

/// Dead, though nobody may have asked for its status yet.
bool is_dead(pid_t pid) {
  const auto stat =
      read_kernel_file("/proc/" + std::to_string(pid) + "/stat", ByteCount{64 * kKiB});
  return !stat || stat->substr(stat->rfind(')') + 2, 1) == "Z";
}

}  // namespace

TEST_CASE("kill -9 of the helper ends the container, and the truth is known", "[lxc]") {
  Box box;
  box.start();
  const pid_t init = *box.facts().init_pid;
  REQUIRE(::kill(box.helper_pid(), SIGKILL) == 0);
  CHECK(eventually([&] { return box.facts().state == RunState::kExited; }));
  CHECK(box.facts().last_exit->error == "its helper was killed");
  CHECK(box.facts().last_exit->code == 137);
  REQUIRE(collect_garbage(box.id()));
  CHECK(leftovers(box.id()).empty());
  CHECK(is_dead(init));
  CHECK(box.facts().last_exit->error == "its helper was killed");
  box.start();
  CHECK(box.facts().state == RunState::kRunning);
}

TEST_CASE("kill -9 of liblxc's monitor ends the container, and the helper clears up", "[lxc]") {
  Box box;
  box.start();
  const pid_t init = *box.facts().init_pid;
  REQUIRE(::kill(box.monitor_pid(), SIGKILL) == 0);
  const ContainerFacts::Exit exit = box.wait_for_end();
  CHECK(exit.signal == SIGKILL);
  CHECK_FALSE(exit.error.empty());
  CHECK(eventually([&] { return leftovers(box.id()).empty(); }));
  CHECK(is_dead(init));
}

TEST_CASE("kill -9 of process 1 is recorded as a killed container", "[lxc]") {
  Box box;
  box.start();
  REQUIRE(::kill(*box.facts().init_pid, SIGKILL) == 0);
  const ContainerFacts::Exit exit = box.wait_for_end();
  CHECK(exit.signal == SIGKILL);
  CHECK(exit.error == "process 1 of the container was killed");
  CHECK(eventually([&] { return leftovers(box.id()).empty(); }));
}

TEST_CASE("kill -9 of everything at once leaves nothing after the garbage is collected", "[lxc]") {
  Box box;
  box.start();
  const pid_t helper = box.helper_pid();
  const pid_t monitor = box.monitor_pid();
  // The monitor cannot clear up, the helper cannot record.
  ::kill(helper, SIGSTOP);
  ::kill(monitor, SIGKILL);
  ::kill(helper, SIGKILL);
  CHECK(eventually([&] { return !*run_lock_is_held(box.spec.run_dir); }));
  REQUIRE(collect_garbage(box.spec.instance, box.dir(), box.dir()));
  const auto instance = Cgroup::at("mosb-" + box.spec.instance);
  CHECK_FALSE(instance->exists());
}

TEST_CASE("garbage collection does not touch a running container", "[lxc]") {
  Box box;
  box.start();
  const auto pid = box.facts().init_pid;
  REQUIRE(collect_garbage(box.id()));
  CHECK(box.facts().init_pid == pid);
  CHECK(box.run({"true"}) == 0);
}

TEST_CASE("a record that a helper is writing stays, one that a dead helper half-wrote goes",
          "[lxc]") {
  Box box;
  box.start();
  const std::vector<std::string> halves{box.spec.run_dir + "/run.json.tmp-0123456789abcdef",
                                        box.spec.state_dir + "/exit.json.tmp-0123456789abcdef"};
  for (const std::string& half : halves) {
    REQUIRE(write_file_atomic(half, "{", 0600));
  }
  REQUIRE(collect_garbage(box.id()));
  CHECK(path_exists(halves[0]));
  CHECK(path_exists(halves[1]));
  REQUIRE(::kill(box.helper_pid(), SIGKILL) == 0);
  CHECK(eventually([&] { return !*run_lock_is_held(box.spec.run_dir); }));
  REQUIRE(collect_garbage(box.id()));
  CHECK_FALSE(path_exists(halves[0]));
  CHECK_FALSE(path_exists(halves[1]));
}

TEST_CASE("a run of an earlier boot counts as ended by the restart", "[lxc]") {
  Box box;
  box.script("exit 0");
  box.start();
  (void)box.wait_for_end();
  REQUIRE(write_start_record(box.spec.state_dir,
                             {.run_id = "0123456789abcdef",
                              .boot_id = "00000000-0000-0000-0000-000000000000",
                              .since = RealClock().now()}));
  CHECK(box.facts().state == RunState::kExited);
  CHECK(box.facts().last_exit->error == "the host was restarted");
  box.script("sleep 1000");
  box.start();
  CHECK(box.facts().state == RunState::kRunning);
}

TEST_CASE("a run record without its helper is not believed, whatever process it names", "[lxc]") {
  Box box;
  box.script("exit 0");
  box.start();
  (void)box.wait_for_end();
  REQUIRE(write_run_record(box.spec.run_dir,
                           {.run_id = "0123456789abcdef",
                            .boot_id = *current_boot_id(),
                            .helper_pid = ::getpid(),
                            .init_pid = ::getpid(),
                            .since = RealClock().now(),
                            .degraded = {}}));
  CHECK(box.facts().state == RunState::kExited);
  REQUIRE(stop(box.id(), SIGTERM, std::chrono::seconds(1)));  // and nobody is signalled
}

TEST_CASE("a service survives the end of the process that started it", "[lxc]") {
  Box box;
  const pid_t starter = ::fork();
  REQUIRE(starter >= 0);
  if (starter == 0) {
    ::setsid();
    ::_exit(start(box.spec, box.environment) ? 0 : 1);
  }
  int wait_status = 0;
  REQUIRE(::waitpid(starter, &wait_status, 0) == starter);
  REQUIRE(wait_status == 0);
  ::kill(-starter, SIGKILL);
  CHECK(box.facts().state == RunState::kRunning);
  CHECK(box.run({"true"}) == 0);
}
