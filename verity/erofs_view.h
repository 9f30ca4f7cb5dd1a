#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mosb/base/result.h"
#include "verity/erofs_attributes.h"
#include "verity/erofs_inode.h"
#include "verity/erofs_superblock.h"
#include "verity/fault_log.h"
#include "verity/filesystem_view.h"
#include "verity/verified_blocks.h"

namespace mosb::verity {

/// An erofs image read through a VerifiedReader. An inode's place is what the kernel calls its nid:
/// units of 32 bytes from where the image's inodes begin. As erofs gives inodes no other number
/// that counts, they are numbered as they are met. A view belongs to one thread.
/// Errors of all members are kVerity, and say what is wrong.
class ErofsView final : public FilesystemView {
 public:
  static Result<std::unique_ptr<ErofsView>> open(const VerifiedReader& reader, FaultLog& faults);

  std::uint64_t inode_limit() const override;
  InodePlace root() const override { return superblock_.root; }
  /// Refuses an inode whose data does not lie in the image, when it is met first.
  Result<InodeFacts> inode(InodePlace place) override;
  std::optional<std::uint64_t> block_of(InodePlace inode) const override;
  /// A directory must have "." and "..", that lead to itself and to the directory in which it was
  /// listed before, and its names in the order in which the kernel looks for them.
  Status list(InodePlace directory,
              const std::function<Result<bool>(const DirectoryEntry&)>& visit) override;
  /// Of a directory, too. Of a compressed file the end may be missing (erofs_clusters.h).
  Status data_ranges(
      InodePlace file,
      const std::function<void(std::uint64_t begin, std::uint64_t size)>& visit) override;
  Result<std::vector<std::string>> attribute_names(InodePlace place) override;
  Result<std::optional<std::string>> attribute(InodePlace place, std::string_view name) override;

 private:
  struct Known {
    std::uint32_t number = 0;
    /// Of a directory: in which it was listed.
    InodePlace parent = 0;
    bool has_parent = false;
    bool data_checked = false;
  };
  class Listing;

  ErofsView(const ErofsSuperblock& superblock, VerifiedBlocks blocks, ErofsAttributes attributes)
      : superblock_(superblock), blocks_(std::move(blocks)), attributes_(std::move(attributes)) {}
  /// Errors: kVerity beyond the image.
  Result<std::uint64_t> byte_of(InodePlace place) const;
  Result<ErofsInode> read_inode(InodePlace place);
  Result<Known*> know(InodePlace place);

  ErofsSuperblock superblock_;
  VerifiedBlocks blocks_;
  ErofsAttributes attributes_;
  std::unordered_map<InodePlace, Known> known_;
};

}  // namespace mosb::verity
