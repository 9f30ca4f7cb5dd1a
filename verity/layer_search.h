#pragma once

#include <vector>

#include "verity/block_owner.h"
#include "verity/filesystem_view.h"

namespace mosb::verity {

/// Gives blocks that belong to nobody or to files the files that have data in them. Of an image
/// that is damaged it looks at what can be read: a file whose directory or inode can't be is not
/// found.
void find_files(FilesystemView& view, std::vector<BlockOwner>& owners);

}  // namespace mosb::verity
