#include "verity/squashfs_tables.h"

#include <string>

#include "verity/little_endian.h"
#include "verity/squashfs_superblock.h"

namespace mosb::verity {

namespace {

// Offsets of the kernel's struct squashfs_super_block.
constexpr std::size_t kInodes = 4;
constexpr std::size_t kFragments = 16;
constexpr std::size_t kCompression = 20;
constexpr std::size_t kFlags = 24;
constexpr std::size_t kIds = 26;
constexpr std::size_t kRootInode = 32;
constexpr std::size_t kBytesUsed = 40;
constexpr std::size_t kIdTable = 48;
constexpr std::size_t kAttributeTable = 56;
constexpr std::size_t kInodeTable = 64;
constexpr std::size_t kDirectoryTable = 72;
constexpr std::size_t kFragmentTable = 80;
constexpr std::size_t kExportTable = 88;

constexpr std::uint16_t kKnownFlags = 0x0fff;
constexpr std::uint16_t kFirstCompression = 1;
constexpr std::uint16_t kLastCompression = 6;
constexpr std::uint64_t kMetadataBlock = 8192;
/// Of the struct squashfs_xattr_id_table, which begins the table of attributes.
constexpr std::uint64_t kAttributeTableHead = 16;
// Of one entry of each table.
constexpr std::uint64_t kIdSize = 4;
constexpr std::uint64_t kFragmentSize = 16;
constexpr std::uint64_t kExportSize = 8;

Error unacceptable(const std::string& why) {
  return Error(Errc::kVerity, "squashfs superblock: " + why);
}

/// The table's index, one 8-byte place for each of its metadata blocks, must end by `end`.
Status check_index(const char* name,
                   std::uint64_t start,
                   std::uint64_t entries,
                   std::uint64_t entry_size,
                   std::uint64_t end) {
  const std::uint64_t blocks = (entries * entry_size + kMetadataBlock - 1) / kMetadataBlock;
  if (start > end || blocks * sizeof(std::uint64_t) > end - start) {
    return unacceptable(std::string("the table of ") + name + " does not fit in its place");
  }
  return ok();
}

/// A table that the image may lack lies between the directories and the ids.
Status check_optional(const char* name,
                      std::uint64_t start,
                      std::uint64_t entries,
                      std::uint64_t entry_size,
                      const SquashfsTables& tables) {
  if (start < tables.directory_table) {
    return unacceptable(std::string("the table of ") + name + " begins before the directories");
  }
  return check_index(name, start, entries, entry_size, tables.id_table);
}

Status check_root(const SquashfsTables& tables) {
  const std::uint64_t block = tables.root_inode >> 16U;
  const std::uint64_t offset = tables.root_inode & 0xffffU;
  if (block >= tables.directory_table - tables.inode_table || offset >= kMetadataBlock) {
    return unacceptable("the root's inode does not lie in the table of inodes");
  }
  return ok();
}

Status check_facts(const SquashfsTables& tables) {
  if (tables.inodes == 0) {
    return unacceptable("says that there are no inodes");
  }
  if (tables.ids == 0) {
    return unacceptable("says that there are no ids");
  }
  if ((tables.flags & ~kKnownFlags) != 0) {
    return unacceptable("has flags that are not known");
  }
  if (tables.compression < kFirstCompression || tables.compression > kLastCompression) {
    return unacceptable("compression " + std::to_string(tables.compression) + " is not known");
  }
  return ok();
}

}  // namespace

Result<SquashfsTables> SquashfsTables::read(std::span<const std::byte> superblock) {
  if (superblock.size() < SquashfsSuperblock::kSize) {
    return unacceptable("it is cut");
  }
  const auto at = [&](std::size_t offset) { return load_le<std::uint64_t>(superblock, offset); };
  SquashfsTables tables;
  tables.inodes = load_le<std::uint32_t>(superblock, kInodes);
  tables.fragments = load_le<std::uint32_t>(superblock, kFragments);
  tables.ids = load_le<std::uint16_t>(superblock, kIds);
  tables.flags = load_le<std::uint16_t>(superblock, kFlags);
  tables.compression = load_le<std::uint16_t>(superblock, kCompression);
  tables.root_inode = at(kRootInode);
  tables.bytes_used = ByteCount{at(kBytesUsed)};
  tables.inode_table = at(kInodeTable);
  tables.directory_table = at(kDirectoryTable);
  tables.fragment_table = at(kFragmentTable);
  tables.export_table = at(kExportTable);
  tables.id_table = at(kIdTable);
  tables.attribute_table = at(kAttributeTable);
  return tables;
}

Status check_squashfs_tables(const SquashfsTables& tables) {
  MOSB_CHECK(check_facts(tables));
  if (tables.inode_table < SquashfsSuperblock::kSize ||
      tables.inode_table >= tables.directory_table || tables.directory_table >= tables.id_table) {
    return unacceptable("inodes, directories and ids do not follow one another");
  }
  MOSB_CHECK(check_root(tables));
  if (tables.fragments > 0) {
    MOSB_CHECK(check_optional(
        "fragments", tables.fragment_table, tables.fragments, kFragmentSize, tables));
  }
  if (tables.export_table != SquashfsTables::kNone) {
    MOSB_CHECK(check_optional(
        "places of inodes", tables.export_table, tables.inodes, kExportSize, tables));
  }
  const bool has_attributes = tables.attribute_table != SquashfsTables::kNone;
  const std::uint64_t end = has_attributes ? tables.attribute_table : tables.bytes_used.value;
  if (has_attributes && (tables.attribute_table > tables.bytes_used.value ||
                         tables.bytes_used.value - tables.attribute_table < kAttributeTableHead)) {
    return unacceptable("the table of attributes does not fit in its place");
  }
  return check_index("ids", tables.id_table, tables.ids, kIdSize, end);
}

}  // namespace mosb::verity
