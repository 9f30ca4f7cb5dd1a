#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "mosb/base/result.h"
#include "verity/block.h"

namespace mosb::verity {

using Uuid = std::array<std::byte, 16>;

/// The dm-verity superblock in front of a hash tree. Nothing signs it: only the salt is taken from
/// it, and a wrong salt shows as wrong hashes; all else must be what mosb expects anyway.
/// Spec: cryptsetup's DMVerity on-disk format, version 1.
struct Superblock {
  std::uint64_t data_blocks = 0;
  Salt salt{};
  Uuid uuid{};

  /// Takes hash type 1, sha256, 4096-byte blocks and a 32-byte salt only; everything unused must
  /// be zero, as veritysetup leaves it. Errors: kVerity, naming the field.
  static Result<Superblock> parse(std::span<const std::byte, kBlockSize> block);
  BlockBytes print() const;

  bool operator==(const Superblock&) const = default;
};

}  // namespace mosb::verity
