#include "lxc/profile_facts.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include "mosb/base/cgroup.h"

using namespace mosb;
using namespace mosb::lxc;

namespace {

ProfileFacts example() {
  ContainerSpec spec;
  spec.name = "web";
  spec.instance = "0123abcd";
  spec.idmap = IdRange{536870912, 65536};
  spec.rootfs_readonly = true;
  spec.mounts = {{"/volumes/a", "/srv", true}};
  spec.files = {{"/run/mosb/hosts", "/etc/hosts"}, {"/run/mosb/hidden", "/srv/hidden"}};
  spec.limits = {.memory = ByteCount{10000}, .pids = 12, .cpu_millis = 100};
  ConfigHost config;
  config.masked = {{"/proc/kcore", false}, {"/proc/acpi", true}};
  config.apparmor_profile = "lxc-container-default-cgns";
  HostFacts host;
  host.namespaces = {{"net", "net:[1]"}, {"user", "user:[2]"}};
  host.seccomp_filters = 1;
  host.controllers = {"", "memory"};
  host.rlimits = {{"core", "0:0"}};
  return expected_facts(spec, config, host);
}

}  // namespace

TEST_CASE("the expected facts follow from the spec", "[lxc]") {
  const ProfileFacts facts = example();
  CHECK(facts.at("uid_map") == "0 536870912 65536");
  CHECK(facts.at("gid_map") == "0 536870912 65536");
  CHECK(facts.at("CapEff") == "00000000000005fb");
  CHECK(facts.at("CapAmb") == "0000000000000000");
  CHECK(facts.at("NoNewPrivs") == "1");
  CHECK(facts.at("Seccomp_filters") == "2");
  CHECK(facts.at("probe by number") == "38");
  CHECK(facts.at("mount /") == "ro,nosuid,nodev");
  CHECK(facts.at("mount /srv") == "ro,nosuid,nodev");
  CHECK(facts.at("mount /etc/hosts") == "ro,nosuid,nodev,noexec");
  CHECK(facts.find("mount /srv/hidden") == facts.end());
  CHECK(facts.at("mount /proc/acpi") == "ro tmpfs");
  CHECK(facts.at("device /proc/kcore") == "c 1:3");
  CHECK(facts.at("namespace net") == "own");
  CHECK(facts.at("cgroup memory") == "/mosb-0123abcd/services/web/payload");
  CHECK(facts.at("limit memory") == "8192");
  CHECK(facts.at("apparmor") == "lxc-container-default-cgns (enforce)");
  CHECK(facts.at("fd 0") == "/dev/null");
}

TEST_CASE("equal facts have no difference", "[lxc]") {
  CHECK(differences(example(), example()).empty());
}

TEST_CASE("every single fact that differs or is missing is told", "[lxc]") {
  const ProfileFacts expected = example();
  for (const auto& [name, value] : expected) {
    ProfileFacts changed = expected;
    changed[name] = value + "x";
    const std::vector<std::string> wrong = differences(expected, changed);
    REQUIRE(wrong.size() == 1);
    CHECK(wrong[0].find(name + " is ") == 0);
    changed.erase(name);
    CHECK(differences(expected, changed).size() == 1);
  }
}

TEST_CASE("a descriptor too many is told", "[lxc]") {
  ProfileFacts actual = example();
  actual["fd 6"] = "/etc/shadow";
  const std::vector<std::string> wrong = differences(example(), actual);
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0] == "fd 6 is '/etc/shadow', but should not be");
}

TEST_CASE("an unconfined process is seen as one", "[lxc]") {
  const auto host = read_host_facts();
  REQUIRE(host);
  ContainerSpec spec;
  spec.name = "web";
  spec.instance = "0123abcd";
  spec.idmap = IdRange{536870912, 65536};
  const ProfileFacts expected = expected_facts(spec, {}, *host);
  const auto service = Cgroup::at("mosb-0123abcd/services/web");
  const auto facts = read_facts(::getpid(), expected, *host, *service);
  REQUIRE(facts);
  const std::vector<std::string> wrong = differences(expected, *facts);
  const auto told = [&](const std::string& name) {
    for (const std::string& line : wrong) {
      if (line.compare(0, name.size(), name) == 0) {
        return true;
      }
    }
    return false;
  };
  for (const char* name : {"uid_map",
                           "NoNewPrivs",
                           "Seccomp ",
                           "Seccomp_filters",
                           "mount /",
                           "mount /dev",
                           "namespace net is 'host'",
                           "namespace user",
                           "cgroup ",
                           "probe by number is missing",
                           "fd 3"}) {
    INFO(name);
    CHECK(told(name));
  }
}
