#include "lxc/profile_facts.h"

#include <cerrno>

#include "lxc/init_protocol.h"
#include "mosb/base/cgroup.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

/// chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service: bits 0, 1,
/// 3, 4, 5, 6, 7, 8 and 10 of capability.h.
constexpr const char* kCapabilityMask = "00000000000005fb";
constexpr const char* kNoCapabilities = "0000000000000000";

void add_limits(const Limits& limits, ProfileFacts& facts) {
  if (limits.memory) {
    // Both versions round down to whole pages.
    constexpr std::uint64_t kPage = 4096;
    facts["limit memory"] = std::to_string(limits.memory->value / kPage * kPage);
  }
  if (limits.pids) {
    facts["limit pids"] = std::to_string(*limits.pids);
  }
  if (limits.cpu_millis) {
    facts["limit cpu"] = std::to_string(*limits.cpu_millis);
  }
}

void add_mounts(const ContainerSpec& spec, const ConfigHost& config, ProfileFacts& facts) {
  facts["mount /"] = spec.rootfs_readonly ? "ro,nosuid,nodev" : "nosuid,nodev";
  facts["mount /dev"] = "nosuid,nodev,noexec tmpfs";
  facts["mount /proc"] = "nosuid,nodev,noexec proc";
  facts["mount /proc/sys"] = "ro proc";
  facts["mount /sys"] = "ro,nosuid,nodev,noexec sysfs";
  for (const std::string& path : config.read_only) {
    facts["mount " + path] = "ro proc";
  }
  for (const MaskedPath& masked : config.masked) {
    if (masked.directory) {
      facts["mount " + masked.path] = "ro tmpfs";
    } else {
      facts["device " + masked.path] = "c 1:3";
    }
  }
  for (const std::string& dir : config.tmpfs) {
    facts["mount " + dir] = "nosuid,nodev tmpfs";
  }
  for (const BindMount& mount : spec.mounts) {
    facts["mount " + mount.dest] = mount.readonly ? "ro,nosuid,nodev" : "nosuid,nodev";
  }
  for (const FileBind& file : bound_files(spec)) {
    facts["mount " + file.dest] = "ro,nosuid,nodev,noexec";
  }
}

}  // namespace

ProfileFacts expected_facts(const ContainerSpec& spec,
                            const ConfigHost& config,
                            const HostFacts& host) {
  ProfileFacts facts;
  const std::string map = spec.idmap ? "0 " + std::to_string(spec.idmap->host_base) + " " +
                                           std::to_string(spec.idmap->count)
                                     : "0 0 4294967295";
  facts["uid_map"] = map;
  facts["gid_map"] = map;
  for (const char* set : {"CapPrm", "CapEff", "CapBnd"}) {
    facts[set] = kCapabilityMask;
  }
  facts["CapInh"] = kNoCapabilities;
  facts["CapAmb"] = kNoCapabilities;
  facts["NoNewPrivs"] = "1";
  facts["Seccomp"] = "2";
  // mosb-init's, on top of what the helper itself is under.
  facts["Seccomp_filters"] = std::to_string(host.seccomp_filters + 1);
  facts["probe by number"] = std::to_string(ENOSYS);
  facts["probe by argument"] = std::to_string(EPERM);
  for (const auto& [kind, name] : host.namespaces) {
    const bool shared = (kind == "user" && !spec.idmap) ||
                        (kind == "net" && spec.network == Network::kHost) || kind == "time";
    facts["namespace " + kind] = shared ? "host" : "own";
  }
  for (const std::string& controller : host.controllers) {
    facts["cgroup " + controller] = "/" + payload_cgroup(spec.instance, spec.name);
  }
  for (const auto& [name, value] : host.rlimits) {
    facts["rlimit " + name] = value;
  }
  if (!config.apparmor_profile.empty()) {
    facts["apparmor"] = config.apparmor_profile + " (enforce)";
  }
  facts["device /dev/null"] = "c 1:3";
  facts["device /dev/zero"] = "c 1:5";
  facts["device /dev/full"] = "c 1:7";
  facts["device /dev/random"] = "c 1:8";
  facts["device /dev/urandom"] = "c 1:9";
  facts["device /dev/tty"] = "c 5:0";
  facts["fd 0"] = "/dev/null";
  facts["fd 1"] = "pipe";
  facts["fd 2"] = "pipe";
  facts["fd " + std::to_string(kInitControlFd)] = "socket";
  add_mounts(spec, config, facts);
  add_limits(spec.limits, facts);
  return facts;
}

void add_probes(ProfileFacts& facts, const ProbeResults& probes) {
  facts["probe by number"] = std::to_string(probes.by_number);
  facts["probe by argument"] = std::to_string(probes.by_argument);
}

std::vector<std::string> differences(const ProfileFacts& expected, const ProfileFacts& actual) {
  std::vector<std::string> lines;
  for (const auto& [name, value] : expected) {
    const auto found = actual.find(name);
    if (found == actual.end()) {
      lines.push_back(name + " is missing, not " + quote(value));
    } else if (found->second != value) {
      lines.push_back(name + " is " + quote(found->second) + ", not " + quote(value));
    }
  }
  for (const auto& [name, value] : actual) {
    if (expected.find(name) == expected.end()) {
      lines.push_back(name + " is " + quote(value) + ", but should not be");
    }
  }
  return lines;
}

}  // namespace mosb::lxc
