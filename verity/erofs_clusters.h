#pragma once

#include <cstdint>
#include <functional>

#include "mosb/base/result.h"
#include "verity/erofs_inode.h"
#include "verity/erofs_superblock.h"
#include "verity/verified_blocks.h"

namespace mosb::verity {

/// Visits the parts of an erofs image in which a compressed file's data lies, as its map says: they
/// need not lie in the image. Not the end of the file where that lies behind the inode or among
/// other files' ends. Errors: kVerity for a map that does not lie in the image, or is of a form
/// that mkfs.erofs does not make for blocks of 4096 bytes. Spec: Linux fs/erofs/erofs_fs.h, struct
/// z_erofs_map_header and z_erofs_lcluster_index.
Status for_each_erofs_cluster(
    const ErofsInode& inode,
    const ErofsSuperblock& superblock,
    VerifiedBlocks& blocks,
    const std::function<void(std::uint64_t begin, std::uint64_t size)>& visit);

}  // namespace mosb::verity
