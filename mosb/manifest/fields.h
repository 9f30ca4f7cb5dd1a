#pragma once

#include <span>
#include <string_view>

namespace mosb::manifest {

/// A name that the format knows at one place of the document.
struct Field {
  std::string_view name;
  enum class Since {
    kVersion1,
    kVersion2,
    kNotBuilt,  ///< belongs to the format, but this mosb does not do it yet
  };
  Since since = Since::kVersion1;
};

/// The fields of each kind of mapping.
std::span<const Field> manifest_fields();
std::span<const Field> volume_fields();
std::span<const Field> target_fields();
std::span<const Field> network_fields();
std::span<const Field> port_fields();
std::span<const Field> dns_fields();
std::span<const Field> mount_fields();
std::span<const Field> rootfs_fields();
std::span<const Field> resources_fields();
std::span<const Field> stop_fields();

}  // namespace mosb::manifest
