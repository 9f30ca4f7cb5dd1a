#pragma once

#include <cstdint>
#include <functional>

#include "mosb/base/result.h"
#include "verity/erofs_inode.h"
#include "verity/verified_blocks.h"

namespace mosb::verity {

/// Visits the parts of an erofs image in which the inode's data lies, in the data's order; holes
/// have none. Each but the last is of whole blocks. Of a compressed file it visits none
/// (erofs_clusters.h). Errors: kVerity for data, or a map of it, that does not lie in the image.
/// Spec: Linux fs/erofs/erofs_fs.h, i_format and struct erofs_inode_chunk_index.
Status for_each_erofs_range(
    const ErofsInode& inode,
    VerifiedBlocks& blocks,
    const std::function<Status(std::uint64_t begin, std::uint64_t size)>& visit);

}  // namespace mosb::verity
