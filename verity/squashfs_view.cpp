#include "verity/squashfs_view.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

extern "C" {
#include <squashfuse/squashfuse.h>
}
#include <sys/stat.h>

#include "mosb/base/text.h"
#include "verity/verified_window.h"

namespace mosb::verity {

namespace {

/// libsquashfuse reads all names, and index names, into one buffer without a look at their length,
/// which the image gives as 16 bits.
constexpr std::size_t kNameBuffer = 65'536 + 1;
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxLink = 4095;
constexpr std::size_t kMaxAttributeValue = 65'536;
constexpr unsigned kMaxAttributes = 4096;
/// A compressed block is never stored larger than it was.
constexpr std::size_t kMaxDataRead = SQUASHFS_FILE_MAX_SIZE;
constexpr std::size_t kMaxMetadataRead = std::size_t{2} * SQUASHFS_METADATA_SIZE;
constexpr std::size_t kMetadataWindow = std::size_t{4} * SQUASHFS_METADATA_SIZE;

/// By SQUASHFS_XATTR_USER, _TRUSTED, _SECURITY, above which libsquashfuse accepts none; in its own
/// table of prefixes the last two are swapped.
constexpr std::array<std::string_view, 3> kAttributePrefixes{"user.", "trusted.", "security."};

struct Windows {
  VerifiedWindow metadata;
  VerifiedWindow data;

  bool read(std::uint64_t offset, std::span<std::byte> out) {
    if (out.size() > kMaxDataRead) {
      return false;
    }
    return (out.size() <= kMaxMetadataRead ? metadata : data).read(offset, out);
  }
};

/// What the library reads from while a view uses it.
thread_local Windows* current_windows = nullptr;

class [[nodiscard]] UseWindows {
 public:
  explicit UseWindows(Windows& windows) { current_windows = &windows; }
  UseWindows(const UseWindows&) = delete;
  UseWindows& operator=(const UseWindows&) = delete;
  UseWindows(UseWindows&&) = delete;
  UseWindows& operator=(UseWindows&&) = delete;
  ~UseWindows() { current_windows = nullptr; }
};

Error refused(int err) {
  return Error::sys("squashfs", err).as(Errc::kVerity);
}

Status check(sqfs_err err) {
  if (err != SQFS_OK) {
    return refused(EIO);
  }
  return ok();
}

bool is_legal_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

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
}  // namespace mosb::verity

/// Takes the place of the library's own, which is an object of its archive that is not linked: the
/// only way by which the library gets at bytes.
extern "C" ssize_t sqfs_pread(sqfs_fd_t /*fd*/, void* buffer, size_t count, sqfs_off_t offset) {
  using namespace mosb::verity;
  if (current_windows == nullptr || offset < 0) {
    return -1;
  }
  const std::span<std::byte> out(static_cast<std::byte*>(buffer), count);
  return current_windows->read(static_cast<std::uint64_t>(offset), out)
             ? static_cast<ssize_t>(count)
             : -1;
}

namespace mosb::verity {

struct SquashfsView::Library {
  Windows windows;
  std::shared_ptr<BlockCache> cache;
  sqfs fs{};
  bool initialized = false;
  std::array<char, kNameBuffer> name{};

  Library(Windows w, std::shared_ptr<BlockCache> c) : windows(std::move(w)), cache(std::move(c)) {}
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  Library(Library&&) = delete;
  Library& operator=(Library&&) = delete;
  ~Library() {
    if (initialized) {
      sqfs_destroy(&fs);
    }
  }

  /// libsquashfuse reads from `offset` of a metadata block without a look at how long that is.
  Status check_offset(std::uint64_t block, std::uint64_t offset) {
    auto position = static_cast<sqfs_off_t>(block);
    sqfs_block* metadata = nullptr;
    MOSB_CHECK(check(sqfs_md_cache(&fs, &position, &metadata)));
    // A block that could not be read before is in its cache as none.
    const bool fits = metadata != nullptr && offset < metadata->size;
    return fits ? ok() : Status(refused(EIO));
  }
  /// The same for an entry of a table, which does not cross its blocks.
  Status check_entry(const sqfs_table& table, std::uint64_t index) {
    const std::uint64_t begin = index * table.each;
    return check_offset(table.blocks[begin / SQUASHFS_METADATA_SIZE],
                        begin % SQUASHFS_METADATA_SIZE + table.each - 1);
  }
  /// The same for the entries of a directory that has any.
  Status check_directory(const sqfs_inode& inode) {
    constexpr std::uint32_t kEmpty = 3;
    return inode.xtra.dir.dir_size <= kEmpty
               ? ok()
               : check_offset(fs.sb.directory_table_start + inode.xtra.dir.start_block,
                              inode.xtra.dir.offset);
  }
  Result<sqfs_inode> inode(InodePlace place) {
    sqfs_inode inode{};
    MOSB_CHECK(check_offset(fs.sb.inode_table_start + (place >> 16U), place & 0xffffU));
    MOSB_CHECK(check(sqfs_inode_get(&fs, &inode, place)));
    return inode;
  }
  Result<std::uint32_t> id(std::uint16_t index) {
    sqfs_id_t value = 0;
    if (index >= fs.sb.no_ids) {
      return refused(EIO);
    }
    MOSB_CHECK(check_entry(fs.id_table, index));
    MOSB_CHECK(check(sqfs_id_get(&fs, index, &value)));
    return value;
  }
  Result<CachedBlock> block(std::uint64_t place, std::uint32_t header);
  Result<std::size_t> read_data(sqfs_blocklist& list,
                                const sqfs_inode& inode,
                                std::uint64_t offset,
                                std::span<std::byte> out);
  Result<std::size_t> read_fragment(const sqfs_inode& inode,
                                    std::uint64_t offset,
                                    std::span<std::byte> out);
  Status for_each_attribute(InodePlace place,
                            const std::function<Result<bool>(std::string, sqfs_xattr&)>& visit);
};

Result<CachedBlock> SquashfsView::Library::block(std::uint64_t place, std::uint32_t header) {
  const CachedBlock block = cache->get(place, [&]() -> CachedBlock {
    sqfs_block* made = nullptr;
    if (sqfs_data_block_read(&fs, static_cast<sqfs_off_t>(place), header, &made) != SQFS_OK) {
      return {};
    }
    return {
        .owner = std::shared_ptr<const void>(made, [](sqfs_block* b) { sqfs_block_dispose(b); }),
        .bytes = std::span(static_cast<const std::byte*>(made->data), made->size)};
  });
  if (block.owner == nullptr) {
    return refused(EIO);
  }
  return block;
}

/// From the next block of the list; 0 if that lies before `offset`. `out` does not go beyond the
/// end of the file.
Result<std::size_t> SquashfsView::Library::read_data(sqfs_blocklist& list,
                                                     const sqfs_inode& inode,
                                                     std::uint64_t offset,
                                                     std::span<std::byte> out) {
  MOSB_CHECK(check(sqfs_blocklist_next(&list)));
  if (list.pos + fs.sb.block_size <= offset) {
    return 0;
  }
  const std::uint64_t expected =
      std::min<std::uint64_t>(fs.sb.block_size, inode.xtra.reg.file_size - list.pos);
  const std::uint64_t skip = offset - list.pos;
  const std::size_t take = std::min<std::size_t>(out.size(), expected - skip);
  if (list.input_size == 0) {  // a hole
    std::ranges::fill(out.first(take), std::byte{0});
    return take;
  }
  const CachedBlock data = MOSB_TRY(block(list.block, list.header));
  if (data.bytes.size() < expected) {
    return refused(EIO);
  }
  std::ranges::copy(data.bytes.subspan(skip, take), out.begin());
  return take;
}

/// The file's end, which shares a block with other files' ends.
Result<std::size_t> SquashfsView::Library::read_fragment(const sqfs_inode& inode,
                                                         std::uint64_t offset,
                                                         std::span<std::byte> out) {
  if (inode.xtra.reg.frag_idx >= fs.sb.fragments) {
    return refused(EIO);
  }
  squashfs_fragment_entry entry{};
  MOSB_CHECK(check_entry(fs.frag_table, inode.xtra.reg.frag_idx));
  MOSB_CHECK(check(sqfs_frag_entry(&fs, &entry, inode.xtra.reg.frag_idx)));
  const CachedBlock data = MOSB_TRY(block(entry.start_block, entry.size));
  const std::uint64_t begin = inode.xtra.reg.frag_off + offset % fs.sb.block_size;
  if (begin > data.bytes.size() || out.size() > data.bytes.size() - begin) {
    return refused(EIO);
  }
  std::ranges::copy(data.bytes.subspan(begin, out.size()), out.begin());
  return out.size();
}

Status SquashfsView::Library::for_each_attribute(
    InodePlace place, const std::function<Result<bool>(std::string, sqfs_xattr&)>& visit) {
  sqfs_inode node = MOSB_TRY(inode(place));
  if (node.xattr == SQUASHFS_INVALID_XATTR || fs.xattr_info.xattr_ids == 0) {
    return ok();
  }
  sqfs_xattr attribute{};
  if (node.xattr >= fs.xattr_info.xattr_ids) {
    return refused(EIO);
  }
  MOSB_CHECK(check_entry(fs.xattr_table, node.xattr));
  MOSB_CHECK(check(sqfs_xattr_open(&fs, &node, &attribute)));
  if (attribute.remain > 0) {
    MOSB_CHECK(check_offset(fs.xattr_info.xattr_table_start + (attribute.info.xattr >> 16U),
                            attribute.info.xattr & 0xffffU));
  }
  if (attribute.remain > kMaxAttributes) {
    return refused(EIO);
  }
  while (attribute.remain > 0) {
    MOSB_CHECK(check(sqfs_xattr_read(&attribute)));
    std::string suffix(attribute.entry.size, '\0');
    MOSB_CHECK(check(sqfs_xattr_name(&attribute, suffix.data(), false)));
    if (!MOSB_TRY(visit(std::string(kAttributePrefixes[attribute.type]) + suffix, attribute))) {
      break;
    }
  }
  return ok();
}

Result<std::unique_ptr<SquashfsView>> SquashfsView::open(const VerifiedReader& reader,
                                                         FaultLog& faults,
                                                         std::shared_ptr<BlockCache> cache) {
  Windows windows{
      .metadata = MOSB_TRY(VerifiedWindow::make(reader, faults, kMaxMetadataRead, kMetadataWindow)),
      .data = MOSB_TRY(VerifiedWindow::make(reader, faults, kMaxDataRead, 0))};
  auto library = std::make_unique<Library>(std::move(windows), std::move(cache));
  const UseWindows use(library->windows);
  constexpr int kNoDescriptor = -1;
  switch (sqfs_init(&library->fs, kNoDescriptor, 0)) {
    case SQFS_OK:
      break;
    case SQFS_BADCOMP:
      return Error(Errc::kHost, "the squashfs image is compressed in a way that is not supported");
    default:
      return Error(Errc::kVerity, "the squashfs image is broken");
  }
  library->initialized = true;
  return std::unique_ptr<SquashfsView>(new SquashfsView(std::move(library)));
}

SquashfsView::SquashfsView(std::unique_ptr<Library> library) : library_(std::move(library)) {}
SquashfsView::~SquashfsView() = default;

SquashfsFacts SquashfsView::facts() const {
  const squashfs_super_block& sb = library_->fs.sb;
  return {.inodes = sb.inodes, .block_size = sb.block_size, .bytes_used = sb.bytes_used};
}

InodePlace SquashfsView::root() const {
  return sqfs_inode_root(&library_->fs);
}

Result<InodeFacts> SquashfsView::inode(InodePlace place) {
  const UseWindows use(library_->windows);
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
  const UseWindows use(library_->windows);
  if (name.size() > kMaxName) {
    return refused(ENAMETOOLONG);
  }
  sqfs_inode inode = MOSB_TRY(library_->inode(directory));
  if (!S_ISDIR(inode.base.mode)) {
    return refused(ENOTDIR);
  }
  MOSB_CHECK(library_->check_directory(inode));
  sqfs_dir_entry entry{};
  sqfs_dentry_init(&entry, library_->name.data());
  bool found = false;
  // The library compares with strncmp(): the name must end in NUL.
  const std::string wanted(name);
  MOSB_CHECK(
      check(sqfs_dir_lookup(&library_->fs, &inode, wanted.c_str(), wanted.size(), &entry, &found)));
  if (!found) {
    return std::optional<InodePlace>();
  }
  return std::optional<InodePlace>(sqfs_dentry_inode(&entry));
}

Result<std::uint32_t> SquashfsView::parent_number(InodePlace directory) {
  const UseWindows use(library_->windows);
  const sqfs_inode inode = MOSB_TRY(library_->inode(directory));
  if (!S_ISDIR(inode.base.mode)) {
    return refused(ENOTDIR);
  }
  return inode.xtra.dir.parent_inode;
}

Status SquashfsView::list(InodePlace directory,
                          std::uint64_t from,
                          const std::function<Result<bool>(const DirectoryEntry&)>& visit) {
  sqfs_inode inode{};
  sqfs_dir dir{};
  sqfs_dir_entry entry{};
  sqfs_dentry_init(&entry, library_->name.data());
  {
    const UseWindows use(library_->windows);
    inode = MOSB_TRY(library_->inode(directory));
    if (!S_ISDIR(inode.base.mode)) {
      return refused(ENOTDIR);
    }
    MOSB_CHECK(library_->check_directory(inode));
    if (from > inode.xtra.dir.dir_size ||
        sqfs_dir_open(&library_->fs, &inode, &dir, static_cast<off_t>(from)) != SQFS_OK) {
      return refused(EINVAL);
    }
  }
  for (;;) {
    sqfs_err err = SQFS_OK;
    {
      const UseWindows use(library_->windows);
      if (!sqfs_dir_next(&library_->fs, &dir, &entry, &err)) {
        return check(err);
      }
    }
    const std::string_view name(library_->name.data(), sqfs_dentry_name_size(&entry));
    if (!is_legal_name(name)) {
      constexpr std::size_t kShown = 64;
      return Error(Errc::kVerity, "the name " + quote(name.substr(0, kShown)) + " is none");
    }
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
  const UseWindows use(library_->windows);
  sqfs_inode inode = MOSB_TRY(library_->inode(file));
  if (!S_ISREG(inode.base.mode) || inode.xtra.reg.file_size > INT64_MAX) {
    return refused(EINVAL);
  }
  const std::uint64_t size = inode.xtra.reg.file_size;
  const std::uint64_t begin = std::min(offset, size);
  const std::size_t wanted = std::min<std::uint64_t>(out.size(), size - begin);
  if (wanted == 0) {
    return std::size_t{0};
  }
  sqfs_blocklist list{};
  MOSB_CHECK(
      check(sqfs_blockidx_blocklist(&library_->fs, &inode, &list, static_cast<sqfs_off_t>(begin))));
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
  const UseWindows use(library_->windows);
  sqfs_inode inode = MOSB_TRY(library_->inode(file));
  if (!S_ISREG(inode.base.mode)) {
    return refused(EINVAL);
  }
  sqfs_blocklist list{};
  sqfs_blocklist_init(&library_->fs, &inode, &list);
  while (list.remain > 0) {
    MOSB_CHECK(check(sqfs_blocklist_next(&list)));
    if (list.input_size > 0) {
      visit(list.block, list.input_size);
    }
  }
  if (inode.xtra.reg.frag_idx == SQUASHFS_INVALID_FRAG) {
    return ok();
  }
  if (inode.xtra.reg.frag_idx >= library_->fs.sb.fragments) {
    return refused(EIO);
  }
  squashfs_fragment_entry entry{};
  MOSB_CHECK(library_->check_entry(library_->fs.frag_table, inode.xtra.reg.frag_idx));
  MOSB_CHECK(check(sqfs_frag_entry(&library_->fs, &entry, inode.xtra.reg.frag_idx)));
  bool compressed = false;
  std::uint32_t size = 0;
  sqfs_data_header(entry.size, &compressed, &size);
  visit(entry.start_block, size);
  return ok();
}

Result<std::string> SquashfsView::read_link(InodePlace link) {
  const UseWindows use(library_->windows);
  sqfs_inode inode = MOSB_TRY(library_->inode(link));
  if (!S_ISLNK(inode.base.mode)) {
    return refused(EINVAL);
  }
  if (inode.xtra.symlink_size > kMaxLink) {
    return refused(EIO);
  }
  std::string target(inode.xtra.symlink_size + 1, '\0');
  std::size_t size = target.size();
  MOSB_CHECK(check(sqfs_readlink(&library_->fs, &inode, target.data(), &size)));
  target.pop_back();
  return target;
}

Result<std::vector<std::string>> SquashfsView::attribute_names(InodePlace place) {
  const UseWindows use(library_->windows);
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
  const UseWindows use(library_->windows);
  std::optional<std::string> value;
  MOSB_CHECK(library_->for_each_attribute(
      place, [&](const std::string& found, sqfs_xattr& attribute) -> Result<bool> {
        if (found != name) {
          return true;
        }
        std::size_t size = 0;
        MOSB_CHECK(check(sqfs_xattr_value_size(&attribute, &size)));
        if (size > kMaxAttributeValue) {
          return refused(EIO);
        }
        value.emplace(size, '\0');
        MOSB_CHECK(check(sqfs_xattr_value(&attribute, value->data())));
        return false;
      }));
  return value;
}

}  // namespace mosb::verity
