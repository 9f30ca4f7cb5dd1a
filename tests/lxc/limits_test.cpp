#include <csignal>
#include <thread>

#include <catch2/catch.hpp>
#include <sys/mount.h>
#include <sys/stat.h>

#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "tests/lxc/box.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

Cgroup service_of(const Box& box) {
  return *Cgroup::at("mosb-" + box.spec.instance + "/services/" + box.spec.name);
}

/// As the kernel counts them; a list of a bomb's processes would be out of date while it is read.
std::uint64_t processes_now(const Box& box) {
  const std::string name = "/mosb-" + box.spec.instance + "/services/" + box.spec.name;
  for (const std::string root : {"/sys/fs/cgroup/pids", "/sys/fs/cgroup"}) {
    if (const auto text = read_kernel_file(root + name + "/pids.current", ByteCount{kKiB})) {
      return std::stoull(*text);
    }
  }
  FAIL("the service has no count of its processes");
  return 0;
}

}  // namespace

TEST_CASE("limits are in force and read back from the kernel", "[lxc]") {
  Box box;
  box.spec.limits = {.memory = ByteCount{64 * kMiB}, .pids = 77, .cpu_millis = 500};
  box.start();
  const auto limits = service_of(box).limits();
  REQUIRE(limits);
  CHECK(limits->memory == ByteCount{64 * kMiB});
  CHECK(limits->pids == 77);
  CHECK(limits->cpu_millis == 500);
}

TEST_CASE("a fork bomb stays within its limit of processes and can be stopped", "[lxc]") {
  Box box;
  box.spec.limits.pids = 30;
  // A shell that has to fork and cannot would end, and the service with it: process 1's child forks
  // once, before there is a bomb.
  box.script("f() { f | f & }; echo go; (f) & exec sleep 1000");
  box.start();
  box.wait_for_log("go");
  for (int i = 0; i < 20; ++i) {
    CHECK(processes_now(box) <= 30);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  REQUIRE(stop(box.id(), SIGTERM, std::chrono::milliseconds(100)));
  CHECK(leftovers(box.id()).empty());
}

TEST_CASE("a program that is killed for lack of memory is recorded as such", "[lxc]") {
  Box box;
  box.spec.limits.memory = ByteCount{32 * kMiB};
  box.script("exec tail /dev/zero");
  box.start();
  const ContainerFacts::Exit exit = box.wait_for_end();
  CHECK(exit.oom);
  CHECK(exit.code == 137);
  CHECK(exit.signal == SIGKILL);
}

TEST_CASE("a start that takes longer than its deadline is ended and nothing is left", "[lxc]") {
  Box box;
  box.environment.start_timeout = std::chrono::milliseconds(1);
  const Status started = start(box.spec, box.environment);
  REQUIRE_FALSE(started);
  CHECK(started.error().code() == Errc::kRuntime);
  CHECK(started.error().message().find("did not start within 1 ms") != std::string::npos);
  CHECK(leftovers(box.id()).empty());
}

TEST_CASE("a full disk loses lines of the log but never holds the service up", "[lxc]") {
  Box box;
  const std::string small = box.dir() + "/small";
  REQUIRE(::mkdir(small.c_str(), 0700) == 0);
  REQUIRE(::mount("none", small.c_str(), "tmpfs", 0, "size=64k") == 0);
  box.spec.log_path = small + "/box.log";
  box.script("probe flood 10000; sleep 0.4; echo after");
  box.start();
  CHECK(box.wait_for_end().code == 0);
  CHECK(box.log().size() <= 64 * kKiB);
  // The helper records the end before it closes the log.
  CHECK(eventually([&] { return ::umount(small.c_str()) == 0; }));
}
