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
  std::uint16_t root = 0;
  /// The block that inodes are counted from, and that of attributes which inodes share.
  std::uint32_t inodes_block = 0;
  std::uint32_t attributes_block = 0;
  /// Of attribute names. Kernels that know such read them without a look at the feature.
  std::uint8_t prefixes = 0;
  /// Where the first of them lies, in units of 4 bytes.
  std::uint32_t prefixes_place = 0;
  /// The inode that has the ends of files; 0 if there is none.
  std::uint64_t packed_inode = 0;

  static constexpr std::uint32_t kHasFragments = 0x20;
  static constexpr std::uint32_t kHasPrefixes = 0x40;

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
