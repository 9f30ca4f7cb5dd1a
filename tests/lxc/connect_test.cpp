#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lxc/run_record.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/process.h"
#include "tests/lxc/box.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

ino_t namespace_of(const std::string& path) {
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_ino;
}

ino_t namespace_of(int fd) {
  return namespace_of("/proc/self/fd/" + std::to_string(fd));
}

std::string network_of(pid_t pid) {
  return "/proc/" + std::to_string(pid) + "/ns/net";
}

/// Runs `ip` in a network namespace.
Status ip(int netns, const std::vector<std::string>& arguments) {
  RealProcessRunner runner;
  const std::string fd = "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(netns);
  Command command{{"nsenter", "--net=" + fd, "ip"}, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  const Completed completed = MOSB_TRY(runner.run(command));
  return completed.status == 0 ? ok() : Error(Errc::kNetSetup, completed.err);
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// Starts, expects a refusal of that class that says `word`, and nothing left.
void check_refused(Box& box, const ConnectNetwork& connect, Errc code, const std::string& word) {
  const Status started = start(box.spec, box.environment, connect);
  REQUIRE_FALSE(started);
  INFO(started.error().message());
  CHECK(started.error().code() == code);
  CHECK(started.error().message().find(word) != std::string::npos);
  CHECK(leftovers(box.id()).empty());
  CHECK(box.log().empty());
}

Box& connected(Box& box) {
  box.spec.network = Network::kConnected;
  box.script("cat /proc/net/dev; ip addr show lo; echo over; sleep 1000");
  return box;
}

}  // namespace

TEST_CASE("what is made in a connected container's network is there for its first instruction",
          "[lxc]") {
  Box box;
  ino_t given = 0;
  const std::size_t descriptors = open_descriptors();
  const Status started = start(connected(box).spec, box.environment, [&](int netns) {
    given = namespace_of(netns);
    CHECK(box.facts().state == RunState::kStarting);
    CHECK(box.log().empty());
    return ip(netns, {"link", "add", "mosb-a", "type", "veth", "peer", "name", "mosb-b"});
  });
  INFO((started ? "" : started.error().message()));
  REQUIRE(started);
  CHECK(open_descriptors() == descriptors);
  CHECK(given == namespace_of(network_of(*box.facts().init_pid)));
  CHECK(given != namespace_of(network_of(::getpid())));
  CHECK(given != namespace_of(network_of(box.helper_pid())));
  box.wait_for_log("over");
  CHECK_THAT(box.log(), Catch::Contains("mosb-a:") && Catch::Contains("mosb-b:"));
  CHECK_THAT(box.log(), Catch::Contains("LOOPBACK,UP"));
  CHECK(box.run({"ip", "link", "set", "mosb-a", "up"}) != 0);
  CHECK(box.run({"true"}) == 0);
}

TEST_CASE("an error of who connects is the start's own, and nothing of the container is left",
          "[lxc]") {
  for (const Errc code : {Errc::kNetSetup, Errc::kBusy, Errc::kInternal}) {
    DYNAMIC_SECTION(errc_name(code)) {
      Box box;
      ino_t given = 0;
      check_refused(
          connected(box),
          [&](int netns) {
            given = namespace_of(netns);
            return Status(Error(code, "no cable").with_hint("plug it in"));
          },
          code,
          "start 'box': no cable");
      CHECK(given != 0);
      CHECK(box.facts().last_exit->code == 125);
      CHECK(box.facts().last_exit->error == "the container's network was not connected");
    }
  }
}

TEST_CASE("a connected container without anybody who connects it is refused", "[lxc]") {
  Box box;
  check_refused(connected(box), {}, Errc::kInternal, "who connects");
  CHECK(box.facts().state == RunState::kNone);
}

TEST_CASE("who connects is not called for the other networks", "[lxc]") {
  for (const Network network : {Network::kNone, Network::kHost}) {
    Box box;
    box.spec.network = network;
    bool called = false;
    REQUIRE(start(box.spec, box.environment, [&](int) {
      called = true;
      return ok();
    }));
    CHECK_FALSE(called);
  }
}

TEST_CASE("a container that differs from its profile is not connected", "[lxc]") {
  Box box;
  box.environment.libexec_dir = std::string(MOSB_SABOTAGE_DIR) + "/lxc.cap.keep";
  bool called = false;
  check_refused(
      connected(box),
      [&](int) {
        called = true;
        return ok();
      },
      Errc::kRuntime,
      "CapBnd");
  CHECK_FALSE(called);
}

TEST_CASE("a helper waits no longer for a connection than for the start", "[lxc]") {
  Box box;
  box.environment.start_timeout = std::chrono::milliseconds(2500);
  bool gone = false;
  check_refused(
      connected(box),
      [&](int) {
        gone = eventually([&] { return leftovers(box.id()).empty(); });
        return ok();  // too late
      },
      Errc::kRuntime,
      "not connected within 2500 ms");
  CHECK(gone);
}

TEST_CASE("a container that ends while it is connected is an error, and nothing is left", "[lxc]") {
  Box box;
  const auto kill_it = [&](int netns) -> Status {
    const Cgroup service = MOSB_TRY(Cgroup::at("mosb-" + box.spec.instance + "/services/box"));
    for (const pid_t pid : MOSB_TRY(service.processes())) {
      CHECK(namespace_of(network_of(pid)) == namespace_of(netns));
      ::kill(pid, SIGKILL);
    }
    return ok();
  };
  check_refused(connected(box), kill_it, Errc::kRuntime, "");
}

TEST_CASE("kill -9 of who connects ends the container, and its helper clears up", "[lxc]") {
  Box box;
  connected(box);
  const pid_t starter = ::fork();
  REQUIRE(starter >= 0);
  if (starter == 0) {
    (void)start(box.spec, box.environment, [](int) {
      ::kill(::getpid(), SIGKILL);
      return ok();
    });
    ::_exit(1);
  }
  int wait_status = 0;
  REQUIRE(::waitpid(starter, &wait_status, 0) == starter);
  REQUIRE(WIFSIGNALED(wait_status));
  CHECK(eventually([&] { return leftovers(box.id()).empty(); }));
  CHECK(box.log().empty());
  CHECK(box.facts().last_exit->error == "the container's network was not connected");
  box.spec.network = Network::kNone;
  box.start();
}

TEST_CASE("kill -9 of who connects and of the helper leaves nothing after the garbage is collected",
          "[lxc]") {
  Box box;
  connected(box);
  const pid_t starter = ::fork();
  REQUIRE(starter >= 0);
  if (starter == 0) {
    (void)start(box.spec, box.environment, [&](int) {
      const auto monitors = Cgroup::at("mosb-" + box.spec.instance + "/monitors/box");
      const auto processes = monitors->processes();
      for (const pid_t pid : *processes) {
        ::kill(pid, SIGKILL);
      }
      ::kill(::getpid(), SIGKILL);
      return ok();
    });
    ::_exit(1);
  }
  int wait_status = 0;
  REQUIRE(::waitpid(starter, &wait_status, 0) == starter);
  REQUIRE(WIFSIGNALED(wait_status));
  CHECK(eventually([&] { return !*run_lock_is_held(box.spec.run_dir); }));
  REQUIRE(collect_garbage(box.id()));
  CHECK(leftovers(box.id()) == std::vector<std::string>());
  CHECK(box.facts().last_exit->error == "its helper was killed");
}
