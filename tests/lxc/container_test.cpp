#include <csignal>
#include <thread>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "mosb/base/cgroup.h"
#include "mosb/base/file.h"
#include "tests/lxc/box.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

/// What the container's processes are, from the host.
std::vector<std::string> process_states(const ContainerId& id) {
  const auto service = Cgroup::at("mosb-" + id.instance + "/services/" + id.name);
  std::vector<std::string> states;
  const auto processes = service->processes();
  REQUIRE(processes);
  for (const pid_t pid : *processes) {
    const auto stat =
        read_kernel_file("/proc/" + std::to_string(pid) + "/stat", ByteCount{64 * kKiB});
    if (stat) {
      states.push_back(stat->substr(stat->rfind(')') + 2, 1));
    }
  }
  return states;
}

}  // namespace

TEST_CASE("a container starts, is seen running, runs a command and stops without a trace",
          "[lxc]") {
  Box box;
  CHECK(box.facts().state == RunState::kNone);
  box.script("echo out; echo err >&2; sleep 1000");
  box.start();
  const ContainerFacts running = box.facts();
  CHECK(running.state == RunState::kRunning);
  REQUIRE(running.init_pid);
  CHECK_FALSE(running.last_exit);
  CHECK(box.output_of({"hostname"}) == "box\n");
  box.wait_for_log("out\n");
  box.wait_for_log("err\n");
  REQUIRE(stop(box.id(), SIGTERM, std::chrono::seconds(10)));
  CHECK(leftovers(box.id()).empty());
  const ContainerFacts stopped = box.facts();
  CHECK(stopped.state == RunState::kExited);
  REQUIRE(stopped.last_exit);
  CHECK(stopped.last_exit->signal == SIGTERM);
  CHECK(stopped.last_exit->code == 128 + SIGTERM);
}

TEST_CASE("stopping what does not run is no error", "[lxc]") {
  Box box;
  CHECK(stop(box.id(), SIGTERM, std::chrono::seconds(1)));
  CHECK(box.facts().state == RunState::kNone);
}

TEST_CASE("a second start of a running container is refused and the first goes on", "[lxc]") {
  Box box;
  box.start();
  const auto pid = box.facts().init_pid;
  const Status again = start(box.spec, box.environment);
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::kBusy);
  CHECK(box.facts().init_pid == pid);
}

TEST_CASE("the exit code of a program that ends by itself is on record afterwards", "[lxc]") {
  Box box;
  box.script("echo bye; exit 3");
  box.start();
  const ContainerFacts::Exit exit = box.wait_for_end();
  CHECK(exit.code == 3);
  CHECK(exit.signal == 0);
  CHECK(exit.error.empty());
  CHECK(box.log() == "bye\n");
  CHECK(eventually([&] { return leftovers(box.id()).empty(); }));
}

TEST_CASE("a program that a signal ends is recorded with the signal", "[lxc]") {
  Box box;
  box.script("kill -9 $$");
  box.start();
  const ContainerFacts::Exit exit = box.wait_for_end();
  CHECK(exit.code == 137);
  CHECK(exit.signal == SIGKILL);
  CHECK_FALSE(exit.oom);
}

TEST_CASE("the stop signal reaches the program, which may end as it likes", "[lxc]") {
  Box box;
  box.script("trap 'echo asked to end; exit 5' TERM\necho ready\nwhile true; do sleep 0.05; done");
  box.start();
  box.wait_for_log("ready");
  REQUIRE(stop(box.id(), SIGTERM, std::chrono::seconds(20)));
  CHECK(box.facts().last_exit->code == 5);
  CHECK(box.log().find("asked to end") != std::string::npos);
}

TEST_CASE("any signal can be the stop signal", "[lxc]") {
  Box box;
  box.script("trap 'exit 6' USR1\necho ready\nwhile true; do sleep 0.05; done");
  box.start();
  box.wait_for_log("ready");
  REQUIRE(stop(box.id(), SIGUSR1, std::chrono::seconds(20)));
  CHECK(box.facts().last_exit->code == 6);
}

TEST_CASE("a program that ignores SIGTERM is killed after the grace with all it started", "[lxc]") {
  Box box;
  box.script(
      "trap '' TERM HUP\necho ready\n(while true; do sleep 0.05; done) &\n"
      "while true; do sleep 0.05; done");
  box.start();
  box.wait_for_log("ready");
  REQUIRE(stop(box.id(), SIGTERM, std::chrono::milliseconds(200)));
  CHECK(leftovers(box.id()).empty());
  CHECK(box.facts().last_exit->code == 137);
}

TEST_CASE("process 1 reaps what the program's children leave behind", "[lxc]") {
  Box box;
  box.script("for i in 1 2 3 4 5; do (sleep 0.1 &) ; done; echo ready; sleep 1000");
  box.start();
  box.wait_for_log("ready");
  // Process 1 and the program itself stay.
  CHECK(eventually([&] { return process_states(box.id()).size() <= 2; }));
  for (const std::string& state : process_states(box.id())) {
    CHECK(state != "Z");
  }
}

TEST_CASE("arguments and environment arrive byte for byte", "[lxc]") {
  Box box;
  const std::string injection =
      "A=1\nlxc.hook.pre-start = /bin/sh -c 'id > /tmp/owned'\nlxc.cap.drop =\n";
  const std::string pem =
      "KEY=-----BEGIN PRIVATE KEY-----\nMIIEvQ\tIBADANBg\\n\"'$%#=\r\n-----END PRIVATE KEY-----\n";
  const std::string bytes = "BYTES=\x01\x7f\xff\xfe end ";
  box.spec.process.env = {"PATH=/bin", injection, pem, bytes, "EMPTY="};
  box.spec.process.argv = {"sh",
                           "-c",
                           "cat /proc/$$/environ\ncat /proc/$$/cmdline\n",
                           "arg zero",
                           "",
                           "two  words",
                           R"("quoted" 'too' \ $HOME %n)",
                           "line one\nline two",
                           "\xff"};
  box.start();
  CHECK(box.wait_for_end().code == 0);
  std::string expected;
  for (const std::string& variable : box.spec.process.env) {
    expected += variable + '\0';
  }
  for (const std::string& argument : box.spec.process.argv) {
    expected += argument + '\0';
  }
  CHECK(box.log() == expected);
  CHECK_FALSE(path_exists("/tmp/owned"));
}

TEST_CASE("a program runs as the given user with exactly the given groups", "[lxc]") {
  Box box;
  box.spec.process.uid = 1000;
  box.spec.process.gid = 1001;
  box.spec.process.groups = {7, 1002};
  box.script("id -u; id -g; umask; grep -E 'Groups|Cap' /proc/self/status; sleep 1000");
  box.start();
  box.wait_for_log("CapAmb");
  const std::string log = box.log();
  CHECK(log.find("1000\n1001\n0022\nGroups:\t7 1002 \n") == 0);
  CHECK(log.find("CapEff:\t0000000000000000") != std::string::npos);
  CHECK(log.find("CapPrm:\t0000000000000000") != std::string::npos);
}

TEST_CASE("a volume is written with the container's ids and a read-only one is not", "[lxc]") {
  Box box;
  const std::string data = box.make_volume("data");
  const std::string fixed = box.make_volume("fixed");
  box.spec.mounts = {{data, "/srv/data here", false}, {fixed, "/srv/fixed", true}};
  REQUIRE(::mkdir((box.spec.rootfs + "/srv/data here").c_str(), 0755) == 0);
  REQUIRE(::mkdir((box.spec.rootfs + "/srv/fixed").c_str(), 0755) == 0);
  box.spec.rootfs_readonly = true;
  box.script(
      "echo kept > '/srv/data here/file'; echo x > /srv/fixed/file; echo x > /bin/x; "
      "echo t > /tmp/file && echo tmp; echo r > /run/file && echo run; echo over");
  box.start();
  (void)box.wait_for_end();
  CHECK(*read_file(data + "/file", ByteCount{100}) == "kept\n");
  struct stat st {};
  REQUIRE(::stat((data + "/file").c_str(), &st) == 0);
  CHECK(st.st_uid == box.spec.idmap->host_base);
  CHECK_FALSE(path_exists(fixed + "/file"));
  CHECK_FALSE(path_exists(box.spec.rootfs + "/bin/x"));
  CHECK(box.log().find("tmp\nrun\n") != std::string::npos);
  CHECK(box.log().find("Read-only file system") != std::string::npos);
}

TEST_CASE("a working directory or mount destination that a writable root lacks is made", "[lxc]") {
  Box box;
  REQUIRE(::chown(box.spec.rootfs.c_str(), box.spec.idmap->host_base, box.spec.idmap->host_base) ==
          0);
  box.spec.process.cwd = "/new/work";
  box.spec.mounts = {{box.make_volume("data"), "/new/data", false}};
  box.script("pwd; stat -c '%u %g' /new/work; touch /new/data/file");
  box.start();
  CHECK(box.wait_for_end().code == 0);
  CHECK(box.log() == "/new/work\n0 0\n");
  CHECK(path_exists(box.dir() + "/data/file"));
}

TEST_CASE("the log is rotated, bounded and for root alone", "[lxc]") {
  Box box;
  box.spec.log_max = ByteCount{64 * kKiB};
  box.spec.log_keep = 2;
  box.spec.process.argv = {"/bin/probe", "flood", "5000"};
  box.start();
  CHECK(box.wait_for_end().code == 0);
  for (const std::string suffix : {"", ".1", ".2"}) {
    struct stat st {};
    REQUIRE(::stat((box.spec.log_path + suffix).c_str(), &st) == 0);
    CHECK(st.st_size <= static_cast<off_t>(64 * kKiB));
    CHECK((st.st_mode & 07777) == 0600);
    const std::string text = *read_file(box.spec.log_path + suffix, ByteCount{kMiB});
    CHECK(text.back() == '\n');
  }
  CHECK_FALSE(path_exists(box.spec.log_path + ".3"));
  CHECK(box.log().find("done\n") != std::string::npos);
}
