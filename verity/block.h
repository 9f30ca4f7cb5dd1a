#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "mosb/base/digest.h"

namespace mosb::verity {

/// Data and hash blocks alike; the only size mosb makes or accepts.
constexpr std::size_t kBlockSize = 4096;
/// sha256 digests in one hash block.
constexpr std::uint64_t kDigestsPerBlock = kBlockSize / kSha256Size;

constexpr std::size_t kSaltSize = 32;
using Salt = std::array<std::byte, kSaltSize>;
using BlockBytes = std::array<std::byte, kBlockSize>;

/// The digest of one data or hash block: sha256 over the salt, then the block.
/// Spec: Linux Documentation/admin-guide/device-mapper/verity.rst, hash format 1.
Sha256 hash_block(const Salt& salt, std::span<const std::byte> block);

}  // namespace mosb::verity
