#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::verity {

/// What mosb needs to know of a squashfs image before a kernel or a library parses it.
/// Spec: Linux Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h, version 4.0.
struct SquashfsSuperblock {
  static constexpr std::size_t kSize = 96;

  /// Without the padding to whole blocks.
  ByteCount bytes_used;
  std::uint32_t block_size = 0;
  std::uint16_t compression = 0;

  /// Whether the image's magic number is there; says nothing about the rest.
  static bool is_in(std::span<const std::byte> bytes);
  /// The start of the image, at least kSize bytes. Errors: kVerity.
  static Result<SquashfsSuperblock> parse(std::span<const std::byte> bytes);
};

/// The image must end in its last block: `bytes_used` within (data_size - 4096, data_size].
/// Errors: kVerity.
Status check_squashfs_fills(const SquashfsSuperblock& superblock, ByteCount data_size);

}  // namespace mosb::verity
