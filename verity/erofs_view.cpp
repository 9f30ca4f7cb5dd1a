#include "verity/erofs_view.h"

#include <algorithm>
#include <array>
#include <utility>

#include <sys/stat.h>

#include "verity/block.h"
#include "verity/erofs_clusters.h"
#include "verity/erofs_data.h"
#include "verity/erofs_directory.h"
#include "verity/layer_walk.h"

namespace mosb::verity {

namespace {

/// What inodes' places are counted in.
constexpr std::uint64_t kInodeUnit = 32;

Error refuse(const std::string& why) {
  return Error(Errc::kVerity, why);
}

bool is_device(const ErofsInode& inode) {
  return S_ISCHR(inode.mode) || S_ISBLK(inode.mode);
}

}  // namespace

/// One pass through a directory.
class ErofsView::Listing {
 public:
  Listing(ErofsView& view, InodePlace directory, InodePlace parent)
      : view_(view), directory_(directory), parent_(parent) {}

  /// False when the visitor has seen enough.
  Result<bool> look_at(const ErofsEntry& entry,
                       const std::function<Result<bool>(const DirectoryEntry&)>& visit) {
    if (entry.name <= before_) {
      return refuse("directory entries are not in order, or one is there twice");
    }
    before_ = entry.name;
    if (entry.name == ".") {
      has_self_ = true;
      return leads_to(entry, directory_);
    }
    if (entry.name == "..") {
      has_parent_ = true;
      return leads_to(entry, parent_);
    }
    MOSB_CHECK(check_entry_name(entry.name));
    Known& known = *MOSB_TRY(view_.know(entry.inode));
    if (entry.type == S_IFDIR && !std::exchange(known.has_parent, true)) {
      known.parent = directory_;
    }
    return visit({.name = entry.name,
                  .place = entry.inode,
                  .number = known.number,
                  .type = entry.type,
                  .next = 0});
  }
  Status end() const {
    return has_self_ && has_parent_ ? ok() : Status(refuse("the directory lacks '.' or '..'"));
  }

 private:
  static Result<bool> leads_to(const ErofsEntry& entry, InodePlace place) {
    if (entry.inode != place || entry.type != S_IFDIR) {
      return refuse("the directory's '.' or '..' leads elsewhere");
    }
    return true;
  }

  ErofsView& view_;
  InodePlace directory_;
  InodePlace parent_;
  std::string before_;
  bool has_self_ = false;
  bool has_parent_ = false;
};

Result<std::unique_ptr<ErofsView>> ErofsView::open(const VerifiedReader& reader, FaultLog& faults) {
  VerifiedBlocks blocks = MOSB_TRY(VerifiedBlocks::make(reader, faults));
  BlockBytes first;
  if (!blocks.read(0, first)) {
    return refuse("block 0 is not what was signed");
  }
  const ErofsSuperblock superblock = MOSB_TRY(ErofsSuperblock::parse(first));
  ErofsAttributes attributes = MOSB_TRY(ErofsAttributes::open(superblock, blocks));
  std::unique_ptr<ErofsView> view(
      new ErofsView(superblock, std::move(blocks), std::move(attributes)));
  if (superblock.packed_inode != 0) {
    // The kernel opens it with the image, though it has no name.
    const InodeFacts packed = MOSB_TRY(view->inode(superblock.packed_inode));
    if (!S_ISREG(packed.mode)) {
      return refuse("what has the ends of files is no file");
    }
  }
  return view;
}

std::uint64_t ErofsView::inode_limit() const {
  return kMaxInodes;
}

Result<ErofsView::Known*> ErofsView::know(InodePlace place) {
  (void)MOSB_TRY(byte_of(place));
  Known& known = known_[place];
  if (known.number == 0) {
    if (known_.size() > kMaxInodes) {
      return refuse("there are more than " + std::to_string(kMaxInodes) + " inodes");
    }
    known.number = static_cast<std::uint32_t>(known_.size());
  }
  return &known;
}

Result<std::uint64_t> ErofsView::byte_of(InodePlace place) const {
  if (place > blocks_.size().value / kInodeUnit) {
    return refuse("the inode does not lie in the image");
  }
  return std::uint64_t{superblock_.inodes_block} * kBlockSize + place * kInodeUnit;
}

std::optional<std::uint64_t> ErofsView::block_of(InodePlace inode) const {
  const auto begin = byte_of(inode);
  return begin ? std::optional(*begin / kBlockSize) : std::nullopt;
}

Result<ErofsInode> ErofsView::read_inode(InodePlace place) {
  const std::uint64_t begin = MOSB_TRY(byte_of(place));
  std::array<std::byte, ErofsInode::kExtendedSize> bytes{};
  const auto compact = std::span(bytes).first(ErofsInode::kCompactSize);
  if (!blocks_.read(begin, compact)) {
    return refuse("the inode does not lie in the image");
  }
  const auto whole = std::span(bytes).first(ErofsInode::size_of(compact));
  if (!blocks_.read(begin, whole)) {
    return refuse("the inode does not lie in the image");
  }
  return ErofsInode::parse(whole, begin);
}

Result<InodeFacts> ErofsView::inode(InodePlace place) {
  const ErofsInode inode = MOSB_TRY(read_inode(place));
  if (inode.links == 0 && place != superblock_.packed_inode) {
    return refuse("the inode has a name, and no links");
  }
  Known& known = *MOSB_TRY(know(place));
  if (!std::exchange(known.data_checked, true)) {
    MOSB_CHECK(for_each_erofs_range(
        inode, blocks_, [](std::uint64_t /*begin*/, std::uint64_t /*size*/) { return ok(); }));
  }
  return InodeFacts{.number = known.number,
                    .mode = inode.mode,
                    .links = inode.links,
                    .uid = inode.uid,
                    .gid = inode.gid,
                    .size = inode.size,
                    .mtime = 0,
                    .device = is_device(inode) ? inode.data : 0,
                    .has_attributes = inode.attributes_size > 0};
}

Status ErofsView::list(InodePlace directory,
                       const std::function<Result<bool>(const DirectoryEntry&)>& visit) {
  const ErofsInode inode = MOSB_TRY(read_inode(directory));
  if (!S_ISDIR(inode.mode)) {
    return refuse("what should be a directory is none");
  }
  const Known& known = *MOSB_TRY(know(directory));
  Listing listing(*this, directory, directory == root() ? directory : known.parent);
  bool goes_on = true;
  MOSB_CHECK(
      for_each_erofs_range(inode, blocks_, [&](std::uint64_t begin, std::uint64_t size) -> Status {
        BlockBytes block;
        for (std::uint64_t done = 0; goes_on && done < size; done += kBlockSize) {
          const auto part =
              std::span(block).first(std::min<std::uint64_t>(kBlockSize, size - done));
          if (!blocks_.read(begin + done, part)) {
            return refuse("the directory can't be read");
          }
          MOSB_CHECK(for_each_erofs_entry(part, [&](const ErofsEntry& entry) -> Result<bool> {
            goes_on = MOSB_TRY(listing.look_at(entry, visit));
            return goes_on;
          }));
        }
        return ok();
      }));
  return goes_on ? listing.end() : ok();
}

Status ErofsView::data_ranges(
    InodePlace file, const std::function<void(std::uint64_t begin, std::uint64_t size)>& visit) {
  const ErofsInode inode = MOSB_TRY(read_inode(file));
  if (inode.is_compressed()) {
    return for_each_erofs_cluster(inode, superblock_, blocks_, visit);
  }
  return for_each_erofs_range(inode, blocks_, [&](std::uint64_t begin, std::uint64_t size) {
    visit(begin, size);
    return ok();
  });
}

Result<std::vector<std::string>> ErofsView::attribute_names(InodePlace place) {
  const ErofsInode inode = MOSB_TRY(read_inode(place));
  std::vector<std::string> names;
  for (ErofsAttributes::Attribute& attribute : MOSB_TRY(attributes_.of(inode, blocks_))) {
    names.push_back(std::move(attribute.name));
  }
  return names;
}

Result<std::optional<std::string>> ErofsView::attribute(InodePlace place, std::string_view name) {
  const ErofsInode inode = MOSB_TRY(read_inode(place));
  for (const ErofsAttributes::Attribute& attribute : MOSB_TRY(attributes_.of(inode, blocks_))) {
    if (attribute.name == name) {
      std::string value(attribute.value_size, '\0');
      if (!blocks_.read(attribute.value_place, std::as_writable_bytes(std::span(value)))) {
        return refuse("the value of an attribute can't be read");
      }
      return std::optional(std::move(value));
    }
  }
  return std::optional<std::string>();
}

}  // namespace mosb::verity
