#include "verity/erofs_superblock.h"

#include "fuzz.h"
#include "verity/block.h"
#include "verity/layer_filesystem.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes(data, size);
  const auto superblock = verity::ErofsSuperblock::parse(bytes);
  if (superblock) {
    const ByteCount whole{std::uint64_t{superblock->blocks} * verity::kBlockSize};
    fuzz::require(verity::check_erofs_fills(*superblock, whole).has_value());
    const auto found = verity::identify_filesystem(bytes, whole);
    fuzz::require(!found || *found == Filesystem::kErofs);
  }
  return 0;
}
