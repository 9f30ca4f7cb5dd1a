#pragma once

#include <cstdint>
#include <string_view>

#include "mosb/base/result.h"

/// user_namespaces(7)
namespace mosb {

/// Whether ids `first` … `first + count - 1` all mean somebody, by the text of /proc/PID/uid_map or
/// gid_map. False if the text is none. Pure.
bool maps_ids(std::string_view map, std::uint32_t first, std::uint32_t count);

/// Whether this process is in the host's own user namespace: there, and only there, are all ids the
/// host's. In another one root is somebody else outside, and the kernel refuses what would touch
/// the host: file systems on devices, cgroups, other users.
Result<bool> is_in_host_user_namespace();

/// maps_ids() for this process's users and groups.
Result<bool> has_ids(std::uint32_t first, std::uint32_t count);

}  // namespace mosb
