#include "lxc/container_spec.h"

#include <functional>

#include <catch2/catch.hpp>

#include "lxc/spec_codec.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

ContainerSpec good() {
  ContainerSpec spec;
  spec.name = "web";
  spec.instance = "0123abcd";
  spec.hostname = "web";
  spec.rootfs = "/run/mosb/mounts/web";
  spec.process.argv = {"/bin/httpd"};
  spec.idmap = IdRange{536870912, 65536};
  spec.run_dir = "/run/mosb/services/web";
  spec.state_dir = "/var/lib/mosb/state/services/web";
  spec.log_path = "/var/log/mosb/web.log";
  return spec;
}

/// The class and the text of the refusal of good() with one change.
void check_refused(Errc code,
                   const std::string& word,
                   const std::function<void(ContainerSpec&)>& change) {
  ContainerSpec spec = good();
  change(spec);
  const Status checked = check_spec(spec);
  REQUIRE_FALSE(checked);
  INFO(checked.error().message());
  CHECK(checked.error().code() == code);
  CHECK(checked.error().message().find(word) != std::string::npos);
}

}  // namespace

TEST_CASE("a good container spec is accepted", "[lxc]") {
  CHECK(check_spec(good()));
}

TEST_CASE("names that are more than a name are refused", "[lxc]") {
  for (const std::string name :
       {"", "..", "a/b", "-rf", "web\nlxc.hook.pre-start = x", "Web", "web-", "w\x7f"}) {
    check_refused(Errc::kRuntime, "service name", [&](ContainerSpec& s) { s.name = name; });
  }
  check_refused(
      Errc::kRuntime, "service name", [](ContainerSpec& s) { s.name = std::string(64, 'a'); });
  for (const std::string name : {"", "a b", "host\nname", "-x", ".x", "a_b", "h\xc3\xa9"}) {
    check_refused(Errc::kRuntime, "hostname", [&](ContainerSpec& s) { s.hostname = name; });
  }
  check_refused(Errc::kRuntime, "instance", [](ContainerSpec& s) { s.instance = "../../etc"; });
}

TEST_CASE("mount destinations that are not plain places are refused", "[lxc]") {
  for (const std::string dest : {"",
                                 "srv",
                                 "/",
                                 "/proc",
                                 "/proc/1",
                                 "/sys/fs/cgroup",
                                 "/dev",
                                 "/dev/shm",
                                 "/srv/../proc",
                                 "//srv",
                                 "/srv/",
                                 "/srv\n/x",
                                 "/srv/.",
                                 "/s\x7f"}) {
    check_refused(Errc::kRuntime, "mount destination", [&](ContainerSpec& s) {
      s.mounts = {{"/volumes/a", dest, false}};
    });
  }
  check_refused(Errc::kRuntime, "given twice", [](ContainerSpec& s) {
    s.mounts = {{"/volumes/a", "/srv", false}, {"/volumes/b", "/srv", false}};
  });
}

TEST_CASE("file binds that are not plain places of their own are refused", "[lxc]") {
  for (const std::string dest :
       {"", "hosts", "/", "/proc/x", "/sys", "/dev/null", "/etc/../x", "/etc/", "/etc/a\nb"}) {
    check_refused(Errc::kRuntime, "file destination", [&](ContainerSpec& s) {
      s.files = {{"/run/mosb/hosts", dest}};
    });
  }
  for (const std::string source : {"", "hosts", "/run/../etc/shadow", "/run/mosb/a\x1b"}) {
    check_refused(Errc::kRuntime, "file source", [&](ContainerSpec& s) {
      s.files = {{source, "/etc/hosts"}};
    });
  }
  for (const std::string other : {"/etc/hosts", "/etc/hosts/below"}) {
    check_refused(Errc::kRuntime, "given twice", [&](ContainerSpec& s) {
      s.files = {{"/run/mosb/a", "/etc/hosts"}, {"/run/mosb/b", other}};
    });
  }
  check_refused(Errc::kRuntime, "a volume below it", [](ContainerSpec& s) {
    s.files = {{"/run/mosb/a", "/etc"}};
    s.mounts = {{"/volumes/a", "/etc/ssl", false}};
  });
  check_refused(Errc::kRuntime, "tmpfs", [](ContainerSpec& s) {
    s.rootfs_readonly = true;
    s.files = {{"/run/mosb/a", "/run/resolv.conf"}};
  });
}

TEST_CASE("a file that a volume hides is not bound", "[lxc]") {
  ContainerSpec spec = good();
  spec.rootfs_readonly = true;
  spec.mounts = {{"/volumes/a", "/etc/ssl", false}, {"/volumes/b", "/run", false}};
  spec.files = {{"/run/mosb/a", "/etc/ssl/cert.pem"},
                {"/run/mosb/b", "/etc/ssl.conf"},
                {"/run/mosb/c", "/run"}};
  CHECK(check_spec(spec));
  const std::vector<FileBind> bound = bound_files(spec);
  REQUIRE(bound.size() == 1);
  CHECK(bound[0].dest == "/etc/ssl.conf");
}

TEST_CASE("ids outside of the range, and ranges that reach privileged ids, are refused", "[lxc]") {
  check_refused(Errc::kRuntime, "outside", [](ContainerSpec& s) { s.process.uid = 65536; });
  check_refused(Errc::kRuntime, "outside", [](ContainerSpec& s) { s.process.gid = 70000; });
  check_refused(Errc::kRuntime, "outside", [](ContainerSpec& s) { s.process.groups = {65536}; });
  check_refused(Errc::kRuntime, "id range", [](ContainerSpec& s) { s.idmap = IdRange{0, 65536}; });
  check_refused(Errc::kRuntime, "id range", [](ContainerSpec& s) {
    s.idmap = IdRange{4294967290, 65536};
  });
  check_refused(Errc::kRuntime, "id range", [](ContainerSpec& s) { s.idmap = IdRange{1000, 0}; });
}

TEST_CASE("host ids on the host's network are refused by policy", "[lxc]") {
  check_refused(Errc::kPolicy, "host ids", [](ContainerSpec& s) {
    s.idmap.reset();
    s.network = Network::kHost;
  });
}

TEST_CASE("a spec without a command, or with a relative working directory, is refused", "[lxc]") {
  check_refused(Errc::kRuntime, "no command", [](ContainerSpec& s) { s.process.argv.clear(); });
  check_refused(
      Errc::kRuntime, "working directory", [](ContainerSpec& s) { s.process.cwd = "srv"; });
}

TEST_CASE("what the helper is told is what was meant", "[lxc]") {
  ContainerSpec spec = good();
  spec.mounts = {{"/volumes/a", "/srv/a b", true}, {"/volumes/b", "/srv/b", false}};
  spec.files = {{"/run/mosb/hosts", "/etc/hosts"}, {"/run/mosb/a b", "/etc/a b"}};
  spec.limits = {.memory = ByteCount{1 << 20}, .pids = 5, .cpu_millis = 250};
  spec.network = Network::kHost;
  spec.rootfs_readonly = true;
  spec.stop_signal = 3;
  spec.log_keep = 7;
  const RuntimeEnvironment environment{"/usr/libexec/mosb", std::chrono::milliseconds(1234)};
  const auto parsed = parse_helper_spec(to_json(HelperSpec{spec, environment}).dump());
  REQUIRE(parsed);
  CHECK(parsed->spec == spec);
  CHECK(parsed->environment.libexec_dir == environment.libexec_dir);
  CHECK(parsed->environment.start_timeout == environment.start_timeout);
  for (const Network network : {Network::kNone, Network::kConnected}) {
    spec.network = network;
    CHECK(parse_helper_spec(to_json(HelperSpec{spec, environment}).dump())->spec == spec);
  }

  Json unknown = to_json(HelperSpec{spec, environment});
  unknown["network"] = "bridge";
  CHECK_FALSE(parse_helper_spec(unknown.dump()));

  ContainerSpec bare = good();
  bare.idmap.reset();
  bare.limits = {.memory = std::nullopt, .pids = std::nullopt, .cpu_millis = std::nullopt};
  const auto again = parse_helper_spec(to_json(HelperSpec{bare, environment}).dump());
  REQUIRE(again);
  CHECK(again->spec == bare);
}
