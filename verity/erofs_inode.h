#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/types.h>

#include "mosb/base/result.h"

namespace mosb::verity {

/// How an inode's data lies in the image.
enum class ErofsLayout {
  /// In whole blocks, one after another.
  kPlain = 0,
  kCompressedFull = 1,
  /// The same, but for the end, which follows the inode.
  kInline = 2,
  kCompressedCompact = 3,
  /// In chunks of a power of two of blocks, each somewhere; where is what follows the inode.
  kChunks = 4,
};

/// An inode of an erofs image, and what of the image belongs to it.
/// Spec: Linux fs/erofs/erofs_fs.h, struct erofs_inode_compact and erofs_inode_extended.
struct ErofsInode {
  static constexpr std::size_t kCompactSize = 32;
  static constexpr std::size_t kExtendedSize = 64;

  /// Byte of the image at which it begins.
  std::uint64_t place = 0;
  /// In the image, without what follows.
  std::size_t own_size = kCompactSize;
  ErofsLayout layout = ErofsLayout::kPlain;
  /// Of the attributes, which follow the inode; 0 for none.
  std::size_t attributes_size = 0;
  mode_t mode = 0;
  std::uint32_t links = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;
  /// The data's first block, the number of a device, or the form of the chunks.
  std::uint32_t data = 0;

  std::uint64_t attributes_place() const { return place + own_size; }
  /// Of what follows inode and attributes.
  std::uint64_t tail_place() const { return attributes_place() + attributes_size; }
  bool is_compressed() const;

  /// Of the inode that begins with these bytes, at least kCompactSize.
  static std::size_t size_of(std::span<const std::byte> inode);
  /// size_of() bytes. Errors: kVerity for a form that is not known, and a layout that a file of
  /// its kind has not.
  static Result<ErofsInode> parse(std::span<const std::byte> inode, std::uint64_t place);
};

}  // namespace mosb::verity
