#pragma once

#include <string>

#include "mosb/agent/compose.h"
#include "mosb/agent/paths.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// Refuses a volume that is not persistent but whose directory was not made as such: what a
/// persistent volume holds is removed by an explicit command only. Changes nothing.
/// Errors: kVolume.
Status check_volume(const Paths& paths, const VolumeBind& volume);

/// The directory behind a volume, made where it is missing and emptied where it is not persistent
/// and from an earlier boot. Nothing in it is ever followed or written by mosb.
/// Errors: kVolume, also for a symlink or a file in its place and what check_volume() refuses.
Result<std::string> ensure_volume(const Paths& paths, const VolumeBind& volume);

/// Where a service's n-th volume is bound, for the container to take over.
std::string volume_bind_path(const Paths& paths, const std::string& service, std::size_t index);

}  // namespace mosb::agent
