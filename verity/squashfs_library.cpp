#include "verity/squashfs_library.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <sys/stat.h>

namespace mosb::verity {

namespace {

constexpr unsigned kMaxAttributes = 4096;
/// A compressed block is never stored larger than it was.
constexpr std::size_t kMaxDataRead = SQUASHFS_FILE_MAX_SIZE;
constexpr std::size_t kMaxMetadataRead = std::size_t{2} * SQUASHFS_METADATA_SIZE;
constexpr std::size_t kMetadataWindow = std::size_t{4} * SQUASHFS_METADATA_SIZE;

/// By SQUASHFS_XATTR_USER, _TRUSTED, _SECURITY, above which libsquashfuse accepts none; in its own
/// table of prefixes the last two are swapped.
constexpr std::array<std::string_view, 3> kAttributePrefixes{"user.", "trusted.", "security."};

/// What the library reads from while a view uses it.
thread_local SquashfsLibrary::Windows* current_windows = nullptr;

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

Result<SquashfsLibrary::Windows> SquashfsLibrary::Windows::make(const VerifiedReader& reader,
                                                                FaultLog& faults) {
  VerifiedWindow metadata =
      MOSB_TRY(VerifiedWindow::make(reader, faults, kMaxMetadataRead, kMetadataWindow));
  VerifiedWindow data = MOSB_TRY(VerifiedWindow::make(reader, faults, kMaxDataRead, 0));
  return Windows{.metadata = std::move(metadata), .data = std::move(data)};
}

bool SquashfsLibrary::Windows::read(std::uint64_t offset, std::span<std::byte> out) {
  if (out.size() > kMaxDataRead) {
    return false;
  }
  return (out.size() <= kMaxMetadataRead ? metadata : data).read(offset, out);
}

SquashfsLibrary::Use::Use(SquashfsLibrary& library) {
  current_windows = &library.windows_;
}

SquashfsLibrary::Use::~Use() {
  current_windows = nullptr;
}

Result<std::unique_ptr<SquashfsLibrary>> SquashfsLibrary::open(Windows windows,
                                                               std::shared_ptr<BlockCache> cache) {
  std::unique_ptr<SquashfsLibrary> library(
      new SquashfsLibrary(std::move(windows), std::move(cache)));
  const Use use(*library);
  constexpr int kNoDescriptor = -1;
  switch (sqfs_init(&library->fs_, kNoDescriptor, 0)) {
    case SQFS_OK:
      break;
    case SQFS_BADCOMP:
      return Error(Errc::kHost, "the squashfs image is compressed in a way that is not supported");
    default:
      return Error(Errc::kVerity, "the squashfs image is broken");
  }
  library->initialized_ = true;
  return library;
}

SquashfsLibrary::~SquashfsLibrary() {
  if (initialized_) {
    sqfs_destroy(&fs_);
  }
}

Error SquashfsLibrary::refused(int err) {
  return Error::sys("squashfs", err).as(Errc::kVerity);
}

Status SquashfsLibrary::check(sqfs_err err) {
  return err == SQFS_OK ? ok() : Status(refused(EIO));
}

/// libsquashfuse reads from `offset` of a metadata block without a look at how long that is.
Status SquashfsLibrary::check_offset(std::uint64_t block, std::uint64_t offset) {
  auto position = static_cast<sqfs_off_t>(block);
  sqfs_block* metadata = nullptr;
  MOSB_CHECK(check(sqfs_md_cache(&fs_, &position, &metadata)));
  // A block that could not be read before is in its cache as none.
  const bool fits = metadata != nullptr && offset < metadata->size;
  return fits ? ok() : Status(refused(EIO));
}

/// The same for an entry of a table, which does not cross its blocks.
Status SquashfsLibrary::check_entry(const sqfs_table& table, std::uint64_t index) {
  const std::uint64_t begin = index * table.each;
  return check_offset(table.blocks[begin / SQUASHFS_METADATA_SIZE],
                      begin % SQUASHFS_METADATA_SIZE + table.each - 1);
}

/// The same for the entries of a directory that has any.
Status SquashfsLibrary::check_directory(const sqfs_inode& inode) {
  constexpr std::uint32_t kEmpty = 3;
  return inode.xtra.dir.dir_size <= kEmpty
             ? ok()
             : check_offset(fs_.sb.directory_table_start + inode.xtra.dir.start_block,
                            inode.xtra.dir.offset);
}

Result<sqfs_inode> SquashfsLibrary::inode(InodePlace place) {
  sqfs_inode inode{};
  MOSB_CHECK(check_offset(fs_.sb.inode_table_start + (place >> 16U), place & 0xffffU));
  MOSB_CHECK(check(sqfs_inode_get(&fs_, &inode, place)));
  return inode;
}

Result<std::uint32_t> SquashfsLibrary::id(std::uint16_t index) {
  sqfs_id_t value = 0;
  if (index >= fs_.sb.no_ids) {
    return refused(EIO);
  }
  MOSB_CHECK(check_entry(fs_.id_table, index));
  MOSB_CHECK(check(sqfs_id_get(&fs_, index, &value)));
  return value;
}

Result<CachedBlock> SquashfsLibrary::block(std::uint64_t place, std::uint32_t header) {
  const CachedBlock block = cache_->get(place, [&]() -> CachedBlock {
    sqfs_block* made = nullptr;
    if (sqfs_data_block_read(&fs_, static_cast<sqfs_off_t>(place), header, &made) != SQFS_OK) {
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

Result<std::size_t> SquashfsLibrary::read_data(sqfs_blocklist& list,
                                               const sqfs_inode& inode,
                                               std::uint64_t offset,
                                               std::span<std::byte> out) {
  MOSB_CHECK(check(sqfs_blocklist_next(&list)));
  if (list.pos + fs_.sb.block_size <= offset) {
    return 0;
  }
  const std::uint64_t expected =
      std::min<std::uint64_t>(fs_.sb.block_size, inode.xtra.reg.file_size - list.pos);
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

Result<squashfs_fragment_entry> SquashfsLibrary::fragment(const sqfs_inode& inode) {
  if (inode.xtra.reg.frag_idx >= fs_.sb.fragments) {
    return refused(EIO);
  }
  squashfs_fragment_entry entry{};
  MOSB_CHECK(check_entry(fs_.frag_table, inode.xtra.reg.frag_idx));
  MOSB_CHECK(check(sqfs_frag_entry(&fs_, &entry, inode.xtra.reg.frag_idx)));
  return entry;
}

Result<std::size_t> SquashfsLibrary::read_fragment(const sqfs_inode& inode,
                                                   std::uint64_t offset,
                                                   std::span<std::byte> out) {
  const squashfs_fragment_entry entry = MOSB_TRY(fragment(inode));
  const CachedBlock data = MOSB_TRY(block(entry.start_block, entry.size));
  const std::uint64_t begin = inode.xtra.reg.frag_off + offset % fs_.sb.block_size;
  if (begin > data.bytes.size() || out.size() > data.bytes.size() - begin) {
    return refused(EIO);
  }
  std::ranges::copy(data.bytes.subspan(begin, out.size()), out.begin());
  return out.size();
}

Status SquashfsLibrary::for_each_attribute(
    InodePlace place, const std::function<Result<bool>(std::string, sqfs_xattr&)>& visit) {
  sqfs_inode node = MOSB_TRY(inode(place));
  if (node.xattr == SQUASHFS_INVALID_XATTR || fs_.xattr_info.xattr_ids == 0) {
    return ok();
  }
  sqfs_xattr attribute{};
  if (node.xattr >= fs_.xattr_info.xattr_ids) {
    return refused(EIO);
  }
  MOSB_CHECK(check_entry(fs_.xattr_table, node.xattr));
  MOSB_CHECK(check(sqfs_xattr_open(&fs_, &node, &attribute)));
  if (attribute.remain > 0) {
    MOSB_CHECK(check_offset(fs_.xattr_info.xattr_table_start + (attribute.info.xattr >> 16U),
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

}  // namespace mosb::verity
