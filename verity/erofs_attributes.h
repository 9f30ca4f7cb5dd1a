#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "verity/erofs_inode.h"
#include "verity/erofs_superblock.h"
#include "verity/verified_blocks.h"

namespace mosb::verity {

/// The extended attributes of an erofs image's inodes: those that follow an inode, and those that
/// several share.
/// Spec: Linux fs/erofs/erofs_fs.h, struct erofs_xattr_ibody_header, _entry and _long_prefix.
class ErofsAttributes {
 public:
  /// One of them, whose value is read when somebody wants it.
  struct Attribute {
    /// With its prefix.
    std::string name;
    std::uint64_t value_place = 0;
    std::size_t value_size = 0;
  };

  /// Reads the prefixes of names that the image has besides the kernel's own. Errors: kVerity.
  static Result<ErofsAttributes> open(const ErofsSuperblock& superblock, VerifiedBlocks& blocks);
  /// Errors: kVerity for attributes that lie elsewhere than in the inode's place for them or in the
  /// image, or whose name is none, and for one that is there twice: readers take the first.
  Result<std::vector<Attribute>> of(const ErofsInode& inode, VerifiedBlocks& blocks) const;

 private:
  ErofsAttributes() = default;
  Result<std::string> full_name(std::uint8_t index, const std::string& name) const;
  /// Returns its size in the image.
  Result<std::size_t> read_entry(std::uint64_t place,
                                 VerifiedBlocks& blocks,
                                 Attribute& attribute) const;
  Status read_shared(std::uint64_t place,
                     std::size_t count,
                     VerifiedBlocks& blocks,
                     std::vector<Attribute>& found) const;

  std::uint64_t shared_place_ = 0;
  std::vector<std::string> prefixes_;
};

}  // namespace mosb::verity
