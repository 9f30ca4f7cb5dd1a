#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::verity {

/// Where a squashfs image says that its tables lie, and how much is in them.
/// Spec: Linux fs/squashfs/squashfs_fs.h, version 4.0.
struct SquashfsTables {
  /// What stands for a table that the image has not.
  static constexpr std::uint64_t kNone = UINT64_MAX;

  std::uint32_t inodes = 0;
  std::uint32_t fragments = 0;
  std::uint16_t ids = 0;
  std::uint16_t flags = 0;
  std::uint16_t compression = 0;
  /// Of the block in the inode table, shifted by 16, and the offset in that block.
  std::uint64_t root_inode = 0;
  ByteCount bytes_used;
  std::uint64_t inode_table = 0;
  std::uint64_t directory_table = 0;
  std::uint64_t fragment_table = 0;
  std::uint64_t export_table = 0;
  std::uint64_t id_table = 0;
  std::uint64_t attribute_table = 0;

  /// The superblock, at least SquashfsSuperblock::kSize bytes. Errors: kVerity.
  static Result<SquashfsTables> read(std::span<const std::byte> superblock);
};

/// The tables follow one another in the order that every writer gives them, each has room for what
/// it is said to hold, and the root's inode lies in the table of inodes. Errors: kVerity, naming
/// the first that is wrong.
Status check_squashfs_tables(const SquashfsTables& tables);

}  // namespace mosb::verity
