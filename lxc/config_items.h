#pragma once

#include <string>
#include <vector>

#include "lxc/container_spec.h"
#include "lxc/masked_paths.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// One key of liblxc's configuration.
struct ConfigItem {
  std::string key;
  std::string value;
  bool operator==(const ConfigItem&) const = default;
};

/// What the host adds to a container's configuration.
struct ConfigHost {
  std::vector<MaskedPath> masked;
  std::vector<std::string> read_only;
  /// The profile to confine with, or "" where AppArmor is not enabled.
  std::string apparmor_profile;
  /// A path that opens the host's network namespace, for Network::kHost.
  std::string host_network;
  /// Directories of the root file system that get a tmpfs.
  std::vector<std::string> tmpfs;
};

/// Where things are in the helper's own root (private_root.h).
inline constexpr const char* kPrivateRootfs = "/rootfs";
inline constexpr const char* kPrivateMountPoint = "/mnt";
inline constexpr const char* kPrivateVolumes = "/volumes";
inline constexpr const char* kPrivateFiles = "/files";
inline constexpr const char* kPrivateInit = "/init";
inline constexpr const char* kPrivateHostSys = "/hostsys";
inline constexpr const char* kPrivateLog = "/log";
inline constexpr const char* kPrivateLxcPath = "/lxc";

/// The names of a container's cgroups.
std::string service_cgroup(const std::string& instance, const std::string& name);
std::string payload_cgroup(const std::string& instance, const std::string& name);
std::string monitor_cgroup(const std::string& instance, const std::string& name);

/// The whole configuration of a container, built from nothing. No byte of argv and environment is
/// in it. Pure.
/// Errors: those of check_items().
Result<std::vector<ConfigItem>> config_items(const ContainerSpec& spec, const ConfigHost& host);

/// Every key is one of a fixed list, every value one printable line.
/// Errors: kRuntime, naming key and value.
Status check_items(const std::vector<ConfigItem>& items);

}  // namespace mosb::lxc
