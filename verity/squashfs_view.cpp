#include "verity/squashfs_view.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/stat.h>

#include "verity/squashfs_library.h"

namespace mosb::verity {

namespace {

constexpr std::size_t kMaxLink = 4095;
constexpr std::size_t kMaxAttributeValue = 65'536;

/// As new_encode_dev() of the kernel has it.
std::uint32_t encode_device(unsigned major, unsigned minor) {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

std::uint64_t size_of(const sqfs_inode& inode) {
  switch (inode.base.mode & S_IFMT) {
    case S_IFREG:
      return inode.xtra.reg.file_size;
    case S_IFDIR:
      return inode.xtra.dir.dir_size;
    case S_IFLNK:
      return inode.xtra.symlink_size;
    default:
      return 0;
  }
}

bool is_device(const sqfs_inode& inode) {
  return S_ISCHR(inode.base.mode) || S_ISBLK(inode.base.mode);
}

}  // namespace

Result<std::unique_ptr<SquashfsView>> SquashfsView::open(const VerifiedReader& reader,
                                                         FaultLog& faults,
                                                         std::shared_ptr<BlockCache> cache) {
  auto windows = MOSB_TRY(SquashfsLibrary::Windows::make(reader, faults));
  auto library = MOSB_TRY(SquashfsLibrary::open(std::move(windows), std::move(cache)));
  return std::unique_ptr<SquashfsView>(new SquashfsView(std::move(library)));
}

SquashfsView::SquashfsView(std::unique_ptr<SquashfsLibrary> library)
    : library_(std::move(library)) {}
SquashfsView::~SquashfsView() = default;

SquashfsFacts SquashfsView::facts() const {
  const squashfs_super_block& sb = library_->superblock();
  return {.inodes = sb.inodes, .block_size = sb.block_size, .bytes_used = sb.bytes_used};
}

InodePlace SquashfsView::root() const {
  return sqfs_inode_root(library_->image());
}

Result<InodeFacts> SquashfsView::inode(InodePlace place) {
  const SquashfsLibrary::Use use(*library_);
  const sqfs_inode inode = MOSB_TRY(library_->inode(place));
  return InodeFacts{.number = inode.base.inode_number,
                    .mode = inode.base.mode,
                    .links = static_cast<std::uint32_t>(inode.nlink),
                    .uid = MOSB_TRY(library_->id(inode.base.uid)),
                    .gid = MOSB_TRY(library_->id(inode.base.guid)),
                    .size = size_of(inode),
                    .mtime = inode.base.mtime,
                    .device = is_device(inode)
                                  ? encode_device(static_cast<unsigned>(inode.xtra.dev.major),
                                                  static_cast<unsigned>(inode.xtra.dev.minor))
                                  : 0,
                    .has_attributes = inode.xattr != SQUASHFS_INVALID_XATTR};
}

Result<std::optional<InodePlace>> SquashfsView::lookup(InodePlace directory,
                                                       std::string_view name) {
  const SquashfsLibrary::Use use(*library_);
  if (name.size() > kMaxEntryName) {
    return SquashfsLibrary::refused(ENAMETOOLONG);
  }
  sqfs_inode inode = MOSB_TRY(library_->inode(directory));
  if (!S_ISDIR(inode.base.mode)) {
    return SquashfsLibrary::refused(ENOTDIR);
  }
  MOSB_CHECK(library_->check_directory(inode));
  sqfs_dir_entry entry{};
  sqfs_dentry_init(&entry, library_->name_buffer());
  bool found = false;
  // The library compares with strncmp(): the name must end in NUL.
  const std::string wanted(name);
  MOSB_CHECK(SquashfsLibrary::check(
      sqfs_dir_lookup(library_->image(), &inode, wanted.c_str(), wanted.size(), &entry, &found)));
  if (!found) {
    return std::optional<InodePlace>();
  }
  return std::optional<InodePlace>(sqfs_dentry_inode(&entry));
}

Result<std::uint32_t> SquashfsView::parent_number(InodePlace directory) {
  const SquashfsLibrary::Use use(*library_);
  const sqfs_inode inode = MOSB_TRY(library_->inode(directory));
  if (!S_ISDIR(inode.base.mode)) {
    return SquashfsLibrary::refused(ENOTDIR);
  }
  return inode.xtra.dir.parent_inode;
}

Status SquashfsView::list_from(InodePlace directory,
                               std::uint64_t from,
                               const std::function<Result<bool>(const DirectoryEntry&)>& visit) {
  sqfs_inode inode{};
  sqfs_dir dir{};
  sqfs_dir_entry entry{};
  sqfs_dentry_init(&entry, library_->name_buffer());
  {
    const SquashfsLibrary::Use use(*library_);
    inode = MOSB_TRY(library_->inode(directory));
    if (!S_ISDIR(inode.base.mode)) {
      return SquashfsLibrary::refused(ENOTDIR);
    }
    MOSB_CHECK(library_->check_directory(inode));
    if (from > inode.xtra.dir.dir_size ||
        sqfs_dir_open(library_->image(), &inode, &dir, static_cast<off_t>(from)) != SQFS_OK) {
      return SquashfsLibrary::refused(EINVAL);
    }
  }
  for (;;) {
    sqfs_err err = SQFS_OK;
    {
      const SquashfsLibrary::Use use(*library_);
      if (!sqfs_dir_next(library_->image(), &dir, &entry, &err)) {
        return SquashfsLibrary::check(err);
      }
    }
    const std::string_view name(library_->name_buffer(), sqfs_dentry_name_size(&entry));
    MOSB_CHECK(check_entry_name(name));
    const DirectoryEntry found{.name = name,
                               .place = sqfs_dentry_inode(&entry),
                               .number = sqfs_dentry_inode_num(&entry),
                               .type = sqfs_dentry_mode(&entry),
                               .next = static_cast<std::uint64_t>(entry.next_offset)};
    if (!MOSB_TRY(visit(found))) {
      return ok();
    }
  }
}

Result<std::size_t> SquashfsView::read(InodePlace file,
                                       std::uint64_t offset,
                                       std::span<std::byte> out) {
  const SquashfsLibrary::Use use(*library_);
  sqfs_inode inode = MOSB_TRY(library_->inode(file));
  if (!S_ISREG(inode.base.mode) || inode.xtra.reg.file_size > INT64_MAX) {
    return SquashfsLibrary::refused(EINVAL);
  }
  const std::uint64_t size = inode.xtra.reg.file_size;
  const std::uint64_t begin = std::min(offset, size);
  const std::size_t wanted = std::min<std::uint64_t>(out.size(), size - begin);
  if (wanted == 0) {
    return std::size_t{0};
  }
  sqfs_blocklist list{};
  MOSB_CHECK(SquashfsLibrary::check(
      sqfs_blockidx_blocklist(library_->image(), &inode, &list, static_cast<sqfs_off_t>(begin))));
  std::size_t done = 0;
  while (done < wanted) {
    const std::span<std::byte> rest = out.subspan(done, wanted - done);
    done += list.remain == 0 ? MOSB_TRY(library_->read_fragment(inode, begin + done, rest))
                             : MOSB_TRY(library_->read_data(list, inode, begin + done, rest));
  }
  return done;
}

Status SquashfsView::data_ranges(
    InodePlace file, const std::function<void(std::uint64_t begin, std::uint64_t size)>& visit) {
  const SquashfsLibrary::Use use(*library_);
  sqfs_inode inode = MOSB_TRY(library_->inode(file));
  if (!S_ISREG(inode.base.mode)) {
    return SquashfsLibrary::refused(EINVAL);
  }
  sqfs_blocklist list{};
  sqfs_blocklist_init(library_->image(), &inode, &list);
  while (list.remain > 0) {
    MOSB_CHECK(SquashfsLibrary::check(sqfs_blocklist_next(&list)));
    if (list.input_size > 0) {
      visit(list.block, list.input_size);
    }
  }
  if (inode.xtra.reg.frag_idx == SQUASHFS_INVALID_FRAG) {
    return ok();
  }
  const squashfs_fragment_entry entry = MOSB_TRY(library_->fragment(inode));
  bool compressed = false;
  std::uint32_t size = 0;
  sqfs_data_header(entry.size, &compressed, &size);
  visit(entry.start_block, size);
  return ok();
}

Result<std::string> SquashfsView::read_link(InodePlace link) {
  const SquashfsLibrary::Use use(*library_);
  sqfs_inode inode = MOSB_TRY(library_->inode(link));
  if (!S_ISLNK(inode.base.mode)) {
    return SquashfsLibrary::refused(EINVAL);
  }
  if (inode.xtra.symlink_size > kMaxLink) {
    return SquashfsLibrary::refused(EIO);
  }
  std::string target(inode.xtra.symlink_size + 1, '\0');
  std::size_t size = target.size();
  MOSB_CHECK(
      SquashfsLibrary::check(sqfs_readlink(library_->image(), &inode, target.data(), &size)));
  target.pop_back();
  return target;
}

Result<std::vector<std::string>> SquashfsView::attribute_names(InodePlace place) {
  const SquashfsLibrary::Use use(*library_);
  std::vector<std::string> names;
  MOSB_CHECK(library_->for_each_attribute(
      place, [&](std::string name, sqfs_xattr& /*attribute*/) -> Result<bool> {
        names.push_back(std::move(name));
        return true;
      }));
  return names;
}

Result<std::optional<std::string>> SquashfsView::attribute(InodePlace place,
                                                           std::string_view name) {
  const SquashfsLibrary::Use use(*library_);
  std::optional<std::string> value;
  MOSB_CHECK(library_->for_each_attribute(
      place, [&](const std::string& found, sqfs_xattr& attribute) -> Result<bool> {
        if (found != name) {
          return true;
        }
        std::size_t size = 0;
        MOSB_CHECK(SquashfsLibrary::check(sqfs_xattr_value_size(&attribute, &size)));
        if (size > kMaxAttributeValue) {
          return SquashfsLibrary::refused(EIO);
        }
        value.emplace(size, '\0');
        MOSB_CHECK(SquashfsLibrary::check(sqfs_xattr_value(&attribute, value->data())));
        return false;
      }));
  return value;
}

}  // namespace mosb::verity
