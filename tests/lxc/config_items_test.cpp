#include "lxc/config_items.h"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace mosb;
using namespace mosb::lxc;

namespace {

ContainerSpec example() {
  ContainerSpec spec;
  spec.name = "web";
  spec.instance = "0123abcd";
  spec.hostname = "web.example";
  spec.rootfs = "/run/mosb/mounts/web";
  spec.process = {.argv = {"/bin/httpd", "ARG-MARK\n"}, .env = {"SECRET-MARK=1\nlxc.hook.x=y"}};
  spec.idmap = IdRange{536870912, 65536};
  spec.run_dir = "/run/mosb/services/web";
  spec.state_dir = "/var/lib/mosb/state/services/web";
  spec.log_path = "/var/log/mosb/web.log";
  return spec;
}

ConfigHost host() {
  ConfigHost host;
  host.masked = {{"/proc/kcore", false}, {"/proc/acpi", true}};
  host.read_only = {"/proc/bus"};
  host.host_network = "/proc/self/fd/4";
  return host;
}

std::vector<std::string> values_of(const std::vector<ConfigItem>& items, const std::string& key) {
  std::vector<std::string> values;
  for (const ConfigItem& item : items) {
    if (item.key == key) {
      values.push_back(item.value);
    }
  }
  return values;
}

bool contains(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

TEST_CASE("a container's configuration has the whole profile", "[lxc]") {
  const auto items = config_items(example(), host());
  REQUIRE(items);
  CHECK(values_of(*items, "lxc.cap.keep") ==
        std::vector<std::string>{
            "chown dac_override fowner fsetid kill net_bind_service setgid setuid setpcap"});
  CHECK(values_of(*items, "lxc.no_new_privs") == std::vector<std::string>{"1"});
  CHECK(values_of(*items, "lxc.idmap") ==
        std::vector<std::string>{"u 0 536870912 65536", "g 0 536870912 65536"});
  CHECK(values_of(*items, "lxc.net.0.type") == std::vector<std::string>{"empty"});
  CHECK(values_of(*items, "lxc.namespace.share.net").empty());
  CHECK(values_of(*items, "lxc.cgroup.dir.container") ==
        std::vector<std::string>{"mosb-0123abcd/services/web/payload"});
  const std::vector<std::string> mounts = values_of(*items, "lxc.mount.entry");
  CHECK(contains(mounts, "sysfs sys sysfs ro,nosuid,nodev,noexec 0 0"));
  CHECK(contains(mounts, "/dev/null proc/kcore none bind 0 0"));
  CHECK(contains(mounts, "tmpfs proc/acpi tmpfs ro,nosuid,nodev,noexec,size=4k,mode=0555 0 0"));
  CHECK(contains(mounts, "/mnt/proc/bus proc/bus none bind,ro,nosuid,nodev,noexec 0 0"));
}

TEST_CASE("no byte of arguments and environment is in any LXC key", "[lxc]") {
  const auto items = config_items(example(), host());
  REQUIRE(items);
  for (const ConfigItem& item : *items) {
    CHECK(item.value.find("MARK") == std::string::npos);
    CHECK(item.value.find('\n') == std::string::npos);
  }
}

TEST_CASE("to liblxc a connected network is none", "[lxc]") {
  ContainerSpec spec = example();
  const auto none = config_items(spec, host());
  spec.network = Network::kConnected;
  const auto connected = config_items(spec, host());
  REQUIRE((none && connected));
  CHECK(*none == *connected);
}

TEST_CASE("the host's network is shared, and its sysfs read-only", "[lxc]") {
  ContainerSpec spec = example();
  spec.network = Network::kHost;
  const auto items = config_items(spec, host());
  REQUIRE(items);
  CHECK(values_of(*items, "lxc.namespace.share.net") ==
        std::vector<std::string>{"/proc/self/fd/4"});
  CHECK(values_of(*items, "lxc.net.0.type").empty());
  CHECK(contains(values_of(*items, "lxc.mount.entry"),
                 "/hostsys sys none bind,ro,nosuid,nodev,noexec 0 0"));
}

TEST_CASE("mount destinations are escaped and outer ones come first", "[lxc]") {
  ContainerSpec spec = example();
  spec.mounts = {{"/volumes/b", "/srv/a b\\c", true}, {"/volumes/a", "/srv", false}};
  const auto items = config_items(spec, host());
  REQUIRE(items);
  const std::vector<std::string> mounts = values_of(*items, "lxc.mount.entry");
  const auto outer =
      std::find(mounts.begin(), mounts.end(), "/volumes/1 srv none bind,nosuid,nodev 0 0");
  const auto inner = std::find(
      mounts.begin(), mounts.end(), "/volumes/0 srv/a\\040b\\134c none bind,nosuid,nodev,ro 0 0");
  REQUIRE(outer != mounts.end());
  REQUIRE(inner != mounts.end());
  CHECK(outer < inner);
}

TEST_CASE("a bound file is named by our own path, after the volumes, and never writable", "[lxc]") {
  ContainerSpec spec = example();
  spec.mounts = {{"/volumes/b", "/srv", false}};
  spec.files = {{"/etc/MARK", "/srv/hidden"}, {"/run/MARK", "/etc/a b\\c"}};
  const auto items = config_items(spec, host());
  REQUIRE(items);
  const std::vector<std::string> mounts = values_of(*items, "lxc.mount.entry");
  CHECK(mounts.back() == "/files/0 etc/a\\040b\\134c none bind,ro,nosuid,nodev,noexec 0 0");
  for (const std::string& mount : mounts) {
    CHECK(mount.find("MARK") == std::string::npos);
    CHECK(mount.find("hidden") == std::string::npos);
  }
}

TEST_CASE("a key that mosb does not set is refused", "[lxc]") {
  for (const char* key : {"lxc.hook.pre-start",
                          "lxc.include",
                          "lxc.cap.drop",
                          "lxc.environment",
                          "lxc.init.cmd",
                          "lxc.mount.fstab",
                          "",
                          "lxc.cap.keep\nlxc.hook.start"}) {
    const Status checked = check_items({{key, "x"}});
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code() == Errc::kRuntime);
  }
}

TEST_CASE("a value with any control character is refused", "[lxc]") {
  for (int byte = 0; byte < 0x20; ++byte) {
    CHECK_FALSE(check_items({{"lxc.uts.name", std::string("a") + static_cast<char>(byte) + "b"}}));
  }
  CHECK_FALSE(check_items({{"lxc.uts.name", "a\x7f"}}));
  CHECK_FALSE(check_items({{"lxc.uts.name", ""}}));
  CHECK(check_items({{"lxc.uts.name", "a b"}}));
}
