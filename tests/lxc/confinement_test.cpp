#include <map>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/text.h"
#include "mosb/base/unique_fd.h"
#include "tests/lxc/box.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

std::map<std::string, int> refused_calls(Box& box) {
  std::map<std::string, int> results;
  for (const std::string& line : split(box.output_of({"/bin/probe", "calls"}), '\n')) {
    const std::size_t space = line.find(' ');
    if (space != std::string::npos) {
      results[line.substr(0, space)] = std::stoi(line.substr(space + 1));
    }
  }
  return results;
}

void check_refused(Box& box) {
  const std::map<std::string, int> calls = refused_calls(box);
  CHECK(calls.size() == 41);
  for (const auto& [name, err] : calls) {
    INFO(name);
    CHECK(err != 0);
  }
  CHECK(calls.at("mount") == ENOSYS);
  CHECK(calls.at("unshare") == ENOSYS);
  CHECK(calls.at("clone3") == ENOSYS);
  CHECK(calls.at("clone_newuser") == EPERM);
  CHECK(calls.at("tiocsti") == EPERM);
  CHECK(calls.at("personality") == EPERM);
  CHECK(calls.at("packet_socket") == EAFNOSUPPORT);
  CHECK(calls.at("x32") == ENOSYS);
  CHECK(calls.at("int80") == ENOSYS);
}

/// Writable files of /proc and /sys, without those of the caller's own processes.
std::vector<std::string> writable_files(Box& box) {
  std::vector<std::string> found = split(box.output_of({"/bin/probe", "writes"}), '\n');
  while (!found.empty() && (found.back().empty() || found.back() == "done")) {
    found.pop_back();
  }
  return found;
}

}  // namespace

TEST_CASE(
    "a service has nine capabilities, no_new_privs, a seccomp filter and namespaces of its own",
    "[lxc]") {
  Box box;
  box.script("cat /proc/self/status /proc/self/uid_map; sleep 1000");
  box.start();
  box.wait_for_log("65536");
  const std::string log = box.log();
  for (const char* line : {"CapInh:\t0000000000000000",
                           "CapPrm:\t00000000000005fb",
                           "CapEff:\t00000000000005fb",
                           "CapBnd:\t00000000000005fb",
                           "CapAmb:\t0000000000000000",
                           "NoNewPrivs:\t1",
                           "Seccomp:\t2"}) {
    CHECK(log.find(line) != std::string::npos);
  }
  CHECK(log.find("0  536870912      65536") != std::string::npos);
  const std::string init = "/proc/" + std::to_string(*box.facts().init_pid) + "/ns/";
  for (const char* kind : {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"}) {
    char own[64] = {};
    char host[64] = {};
    REQUIRE(::readlink((init + kind).c_str(), own, sizeof own - 1) > 0);
    REQUIRE(::readlink((std::string("/proc/self/ns/") + kind).c_str(), host, sizeof host - 1) > 0);
    CHECK(std::string(own) != std::string(host));
  }
}

TEST_CASE("privileged calls are refused to a service", "[lxc]") {
  Box box;
  box.start();
  check_refused(box);
}

TEST_CASE("nothing of /proc and /sys can be written", "[lxc]") {
  Box box;
  box.start();
  CHECK(writable_files(box) == std::vector<std::string>());
}

TEST_CASE("masked files of /proc and /sys show nothing", "[lxc]") {
  Box box;
  box.start();
  CHECK(box.output_of({"sh", "-c", "cat /proc/kallsyms /proc/keys /proc/interrupts 2>/dev/null"})
            .empty());
  CHECK(box.output_of({"ls", "/sys/firmware"}).empty());
}

TEST_CASE("/dev is fresh whatever the image has there", "[lxc]") {
  Box box;
  REQUIRE(::symlink("/etc/passwd", (box.spec.rootfs + "/dev/null").c_str()) == 0);
  box.script(
      "stat -c '%t:%T %n' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty; "
      "ls /dev; echo over; sleep 1000");
  box.start();
  box.wait_for_log("over");
  CHECK(box.log() ==
        "1:3 /dev/null\n1:5 /dev/zero\n1:7 /dev/full\n1:8 /dev/random\n1:9 /dev/urandom\n"
        "5:0 /dev/tty\n"
        "fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\n"
        "zero\nover\n");
}

TEST_CASE("network none has lo and nothing else", "[lxc]") {
  Box box;
  box.script("ls /sys/class/net; cat /proc/net/unix | tail -n +2; echo over; sleep 1000");
  box.start();
  box.wait_for_log("over");
  const std::string log = box.log();
  CHECK(log.compare(0, 3, "lo\n") == 0);
  CHECK(log.find('@') == std::string::npos);
}

TEST_CASE("on the host's network a service has no right over it and reaches no socket of LXC",
          "[lxc]") {
  Box box;
  box.spec.network = Network::kHost;
  box.start();
  check_refused(box);
  CHECK(writable_files(box) == std::vector<std::string>());
  CHECK(box.run({"ip", "link", "set", "lo", "down"}) != 0);
  CHECK(box.run({"sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"}) != 0);
  char own[64] = {};
  char host[64] = {};
  const std::string init = "/proc/" + std::to_string(*box.facts().init_pid) + "/ns/net";
  REQUIRE(::readlink(init.c_str(), own, sizeof own - 1) > 0);
  REQUIRE(::readlink("/proc/self/ns/net", host, sizeof host - 1) > 0);
  CHECK(std::string(own) == std::string(host));

  // Another container's monitor listens too; neither's socket is in this network namespace.
  Box other;
  other.start();
  const std::string reached = box.output_of({"/bin/probe", "sockets"});
  INFO(reached);
  CHECK(reached.find("/command") == std::string::npos);
  CHECK(reached.find("lxc") == std::string::npos);
  CHECK(reached.find("done\n") != std::string::npos);
}

TEST_CASE("descriptors that the starter holds do not reach the service", "[lxc]") {
  std::vector<UniqueFd> held;
  for (int i = 0; i < 64; ++i) {
    held.emplace_back(::open("/etc/passwd", O_RDONLY));  // NOLINT(android-cloexec-open): the point
  }
  Box box;
  box.spec.process.argv = {"/bin/probe", "descriptors"};
  box.start();
  (void)box.wait_for_end();
  CHECK(box.log() == "0\n1\n2\ndone\n");
}

TEST_CASE("with the host's ids a service is confined all the same", "[lxc]") {
  Box box;
  box.spec.idmap.reset();
  box.start();
  CHECK(box.output_of({"cat", "/proc/self/uid_map"}).find("4294967295") != std::string::npos);
  check_refused(box);
  CHECK(writable_files(box) == std::vector<std::string>());
}

TEST_CASE(
    "a container on its helper's network, where liblxc listens, is killed before its program runs",
    "[lxc]") {
  Box box;
  box.spec.idmap.reset();  // else it could not even mount its /sys
  box.environment.libexec_dir = std::string(MOSB_SABOTAGE_DIR) + "/lxc.net";
  const Status started = start(box.spec, box.environment);
  REQUIRE_FALSE(started);
  CHECK_THAT(started.error().message(), Catch::Contains("namespace net is 'helper', not 'own'"));
  CHECK(leftovers(box.id()).empty());
}

TEST_CASE("a container that lost a protection is killed before its program runs", "[lxc]") {
  const std::map<std::string, std::string> expected{
      {"lxc.cap.keep", "CapBnd"},
      {"lxc.idmap", "uid_map"},
      {"lxc.no_new_privs", "did not start"},  // process 1's own filter needs it
      {"lxc.mount.auto", "did not start"},    // nothing to mount the rest on
      {"lxc.mount.entry", "did not start"},   // process 1 comes by one of them
  };
  for (const auto& [key, word] : expected) {
    DYNAMIC_SECTION(key) {
      Box box;
      const std::string proof = box.make_volume("proof");
      box.spec.mounts = {{proof, "/srv", false}};
      box.script("touch /srv/ran");
      box.environment.libexec_dir = std::string(MOSB_SABOTAGE_DIR) + "/" + key;
      const Status started = start(box.spec, box.environment);
      REQUIRE_FALSE(started);
      CHECK(started.error().code() == Errc::kRuntime);
      INFO(started.error().message());
      CHECK(started.error().message().find(word) != std::string::npos);
      CHECK(::access((proof + "/ran").c_str(), F_OK) != 0);
      CHECK(leftovers(box.id()).empty());
      CHECK(box.facts().last_exit->error == started.error().message().substr(13));
    }
  }
}
