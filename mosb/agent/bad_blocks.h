#pragma once

#include <string>
#include <vector>

#include "mosb/agent/paths.h"
#include "verity/block_owner.h"
#include "verity/mounted_image.h"

namespace mosb::agent {

/// Reads the layers whose verity device met a block that nobody has named yet, to find out which,
/// and keeps what is found with the mount. Bounded in time, all layers together; what is not found
/// by then stays unknown.
void find_bad_blocks(const Paths& paths, std::vector<verity::MountState>& mounts);

/// What the blocks are used for that failed in a mounted layer: found by a scanner that reads the
/// layer's metadata in the store now. Empty where no block is known, or where the layer is so
/// damaged that nothing can be found.
std::vector<verity::BlockOwner> bad_block_owners(const Paths& paths,
                                                 const verity::LayerState& layer);

/// "block 12 of '/bin/su', block 13 of the inodes, and 2 more"; "" for none.
std::string describe_owners(const std::vector<verity::BlockOwner>& owners);

/// Adds that to the detail of each layer whose bad blocks are known.
void name_bad_blocks(const Paths& paths, std::vector<verity::MountState>& mounts);

}  // namespace mosb::agent
