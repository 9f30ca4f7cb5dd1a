#pragma once

#include <cstddef>
#include <span>

#include "mosb/base/byte_count.h"
#include "mosb/base/filesystem.h"
#include "mosb/base/result.h"

namespace mosb::verity {

/// Which file system the data of a layer is, from its first block (4096 bytes), after checking its
/// superblock and that it ends where the data does. Bytes that could be mounted as either are
/// refused: what a layer shows must not depend on who calls it what. Errors: kVerity.
Result<Filesystem> identify_filesystem(std::span<const std::byte> first_block, ByteCount data_size);

/// A layer is what its signed media type promises. Errors: kVerity.
Status require_filesystem(Filesystem found, Filesystem promised);

}  // namespace mosb::verity
