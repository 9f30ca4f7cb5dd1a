#pragma once

#include <cstdint>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::verity {

/// The largest layer that is accepted.
constexpr ByteCount kMaxLayerSize{1024 * kGiB};

/// Hash blocks of one height of the tree.
struct TreeLevel {
  /// Counted from the start of the layer file.
  std::uint64_t first_block;
  std::uint64_t blocks;
  bool operator==(const TreeLevel&) const = default;
};

/// Where everything lies in a layer file: data blocks, one superblock, hash blocks with the root's
/// level first. It follows from the number of data blocks alone.
struct Geometry {
  std::uint64_t data_blocks;
  /// [0] holds the digests of data blocks; the last one has one block. Empty if there is a single
  /// data block, whose digest is then the root hash (as the kernel and veritysetup have it).
  std::vector<TreeLevel> levels;

  /// `data_blocks` must be 1 or more and fit kMaxLayerSize.
  static Geometry of_data_blocks(std::uint64_t data_blocks);
  /// The only geometry with this file size. The size must come from a signed descriptor: it, not
  /// the unsigned superblock, says how many data blocks there are.
  /// Errors: kVerity if no tree fits the size.
  static Result<Geometry> of_layer_size(ByteCount signed_size);

  std::uint64_t superblock_block() const { return data_blocks; }
  ByteCount data_size() const;
  ByteCount layer_size() const;
};

}  // namespace mosb::verity
