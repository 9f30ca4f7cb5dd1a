#pragma once

#include <vector>

#include "mosb/base/result.h"
#include "verity/image_record.h"
#include "verity/mount_api.h"

namespace mosb::verity {

/// The images that are mounted, with the records that the kernel's own mount table confirms.
Result<std::vector<LiveImage>> live_images(const MountEnvironment& environment,
                                           const MountTable& table);

/// Removes records without a mount, temporary mounts, and everything of layers and mount points
/// that no live image uses. Works from what it finds, not from what anybody remembers. The caller
/// holds the lock.
Status remove_unused(const MountEnvironment& environment, MountApi& api);

}  // namespace mosb::verity
