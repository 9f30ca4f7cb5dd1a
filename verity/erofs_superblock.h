#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::verity {

/// What mosb needs to know of an erofs image before the kernel parses it: an image that lies in one
/// piece in one device, in blocks of 4096 bytes.
/// Spec: Linux Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h.
struct ErofsSuperblock {
  /// Of the superblock in the image.
  static constexpr std::size_t kOffset = 1024;

  /// Blocks of 4096 bytes that the image has.
  std::uint32_t blocks = 0;
  /// What a kernel must know to read it (EROFS_FEATURE_INCOMPAT_…); only bits that mosb knows.
  std::uint32_t features = 0;

  /// Whether the superblock's magic number is where it belongs; says nothing about the rest.
  static bool is_in(std::span<const std::byte> first_block);
  /// The first block of the image, 4096 bytes. Errors: kVerity for another block size, data on
  /// other devices, a feature that is not known, a wrong checksum.
  static Result<ErofsSuperblock> parse(std::span<const std::byte> first_block);
};

/// The image must have all blocks and no others: readers place what is behind an image by this
/// number. Errors: kVerity.
Status check_erofs_fills(const ErofsSuperblock& superblock, ByteCount data_size);

}  // namespace mosb::verity
