#include "verity/geometry.h"

#include <algorithm>
#include <string>

#include "verity/block.h"

namespace mosb::verity {

namespace {

std::uint64_t hash_blocks(std::uint64_t data_blocks) {
  std::uint64_t total = 0;
  for (std::uint64_t width = data_blocks; width > 1;) {
    width = (width + kDigestsPerBlock - 1) / kDigestsPerBlock;
    total += width;
  }
  return total;
}

std::uint64_t layer_blocks(std::uint64_t data_blocks) {
  return data_blocks + 1 + hash_blocks(data_blocks);
}

}  // namespace

Geometry Geometry::of_data_blocks(std::uint64_t data_blocks) {
  Geometry geometry{.data_blocks = data_blocks, .levels = {}};
  for (std::uint64_t width = data_blocks; width > 1;) {
    width = (width + kDigestsPerBlock - 1) / kDigestsPerBlock;
    geometry.levels.push_back({.first_block = 0, .blocks = width});
  }
  // On disk the root's level comes first, right behind the superblock.
  std::uint64_t next = geometry.superblock_block() + 1;
  for (auto level = geometry.levels.rbegin(); level != geometry.levels.rend(); ++level) {
    level->first_block = next;
    next += level->blocks;
  }
  return geometry;
}

Result<Geometry> Geometry::of_layer_size(ByteCount signed_size) {
  const std::string size_text = "layer size " + std::to_string(signed_size.value);
  if (signed_size > kMaxLayerSize) {
    return Error(Errc::kVerity,
                 size_text + " is above the limit of " + std::to_string(kMaxLayerSize.value));
  }
  const std::uint64_t blocks = signed_size.value / kBlockSize;
  // layer_blocks() rises strictly, so at most one number of data blocks gives this size.
  std::uint64_t low = 1;
  std::uint64_t high = std::max<std::uint64_t>(blocks, 1);
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (layer_blocks(middle) < blocks) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (signed_size.value % kBlockSize != 0 || layer_blocks(low) != blocks) {
    return Error(Errc::kVerity, size_text + " is not that of an image with a verity tree behind it")
        .with_hint("build the image with verity layers");
  }
  return of_data_blocks(low);
}

ByteCount Geometry::data_size() const {
  return ByteCount{data_blocks * kBlockSize};
}

ByteCount Geometry::layer_size() const {
  return ByteCount{layer_blocks(data_blocks) * kBlockSize};
}

}  // namespace mosb::verity
