#pragma once

#include <string>

#include "mosb/agent/compose.h"
#include "mosb/agent/paths.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// The directory behind a volume, made where it is missing and emptied where it is not persistent
/// and from an earlier boot. Nothing in it is ever followed or written by mosb.
/// Errors: kVolume, also for a symlink or a file in its place.
Result<std::string> ensure_volume(const Paths& paths, const VolumeBind& volume);

/// Where a service's n-th volume is bound, for the container to take over.
std::string volume_bind_path(const Paths& paths, const std::string& service, std::size_t index);

/// This boot's id as the kernel gives it. Errors: kHost.
Result<std::string> boot_id();

}  // namespace mosb::agent
