#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/manifest/target_network.h"

namespace mosb::manifest {

/// A volume of the manifest's storage list, as the service sees it.
struct StorageMount {
  /// Normalised absolute path inside the service.
  std::string dest;
  /// Names a Volume of the same manifest.
  std::string label;
  bool readonly = false;
  bool operator==(const StorageMount&) const = default;
};

/// Limits; what is not given is not limited.
struct Resources {
  std::optional<ByteCount> memory;
  std::optional<std::uint64_t> pids;
  /// Thousandths of one processor.
  std::optional<std::uint32_t> cpu_millis;
  bool operator==(const Resources&) const = default;
};

enum class ServiceType { kContainer, kFsOnly, kHostfs };

/// One service as the author of the manifest wants it. What is not given here, the image says.
struct Target {
  std::string service_name;
  /// An image reference that oci::Reference::parse() takes.
  std::string source;
  std::string version;
  ServiceType service_type = ServiceType::kContainer;
  /// The group of services that shares a range of host ids; nullopt: the host's own ids. A
  /// version 2 target that names no group has the group of its service_name.
  std::optional<std::string> nsgroup;
  /// Of the image's manifest; what is given must match.
  std::optional<Digest> digest;
  std::optional<std::uint64_t> size;
  TargetNetwork network;
  std::vector<StorageMount> storage;

  // Version 2. All of them belong to a container only.
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> args;
  /// A variable without a value is taken away from those of the image.
  std::map<std::string, std::optional<std::string>> environment;
  /// NAME|UID[:GROUP|GID].
  std::optional<std::string> user;
  std::optional<std::string> working_dir;
  std::optional<std::string> hostname;
  std::optional<int> stop_signal;
  std::optional<std::chrono::milliseconds> stop_grace_period;
  /// Version 1: false, version 2: true unless the manifest says otherwise.
  bool rootfs_readonly = false;
  Resources resources;

  bool operator==(const Target&) const = default;
};

}  // namespace mosb::manifest
