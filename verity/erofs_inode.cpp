#include "verity/erofs_inode.h"

#include <string>

#include <sys/stat.h>

#include "verity/little_endian.h"

namespace mosb::verity {

namespace {

// Offsets of the kernel's struct erofs_inode_compact and erofs_inode_extended.
constexpr std::size_t kFormat = 0;
constexpr std::size_t kAttributes = 2;
constexpr std::size_t kMode = 4;
constexpr std::size_t kCompactLinks = 6;
constexpr std::size_t kSize = 8;
constexpr std::size_t kData = 16;
constexpr std::size_t kCompactUid = 24;
constexpr std::size_t kCompactGid = 26;
constexpr std::size_t kExtendedUid = 24;
constexpr std::size_t kExtendedGid = 28;
constexpr std::size_t kExtendedLinks = 44;

// Bits of the format.
constexpr unsigned kExtended = 0x1;
constexpr unsigned kLayoutShift = 1;
constexpr unsigned kLayoutMask = 0x7;
constexpr unsigned kKnownFormat = 0xf;

/// Of the header of attributes, and of each unit behind it.
constexpr std::size_t kAttributesHead = 12;
constexpr std::size_t kAttributesUnit = 4;

Error refuse(const std::string& why) {
  return Error(Errc::kVerity, why);
}

Status check_layout(const ErofsInode& inode) {
  const bool flat = inode.layout == ErofsLayout::kPlain || inode.layout == ErofsLayout::kInline;
  switch (inode.mode & S_IFMT) {
    case S_IFDIR:
      return flat ? ok() : Status(refuse("the directory is compressed, or in chunks"));
    case S_IFLNK:
      return flat ? ok() : Status(refuse("the symlink is compressed, or in chunks"));
    case S_IFREG:
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
      return ok();
    default:
      return refuse("the inode is of no kind");
  }
}

}  // namespace

bool ErofsInode::is_compressed() const {
  return layout == ErofsLayout::kCompressedFull || layout == ErofsLayout::kCompressedCompact;
}

std::size_t ErofsInode::size_of(std::span<const std::byte> inode) {
  return (load_le<std::uint16_t>(inode, kFormat) & kExtended) != 0 ? kExtendedSize : kCompactSize;
}

Result<ErofsInode> ErofsInode::parse(std::span<const std::byte> bytes, std::uint64_t place) {
  const unsigned format = load_le<std::uint16_t>(bytes, kFormat);
  const unsigned layout = (format >> kLayoutShift) & kLayoutMask;
  if ((format & ~kKnownFormat) != 0 || layout > static_cast<unsigned>(ErofsLayout::kChunks)) {
    return refuse("the inode has a form that is not known");
  }
  ErofsInode inode;
  inode.place = place;
  inode.own_size = size_of(bytes);
  inode.layout = static_cast<ErofsLayout>(layout);
  const std::size_t units = load_le<std::uint16_t>(bytes, kAttributes);
  inode.attributes_size = units == 0 ? 0 : kAttributesHead + kAttributesUnit * (units - 1);
  inode.mode = load_le<std::uint16_t>(bytes, kMode);
  inode.data = load_le<std::uint32_t>(bytes, kData);
  if (inode.own_size == kExtendedSize) {
    inode.size = load_le<std::uint64_t>(bytes, kSize);
    inode.uid = load_le<std::uint32_t>(bytes, kExtendedUid);
    inode.gid = load_le<std::uint32_t>(bytes, kExtendedGid);
    inode.links = load_le<std::uint32_t>(bytes, kExtendedLinks);
  } else {
    inode.size = load_le<std::uint32_t>(bytes, kSize);
    inode.uid = load_le<std::uint16_t>(bytes, kCompactUid);
    inode.gid = load_le<std::uint16_t>(bytes, kCompactGid);
    inode.links = load_le<std::uint16_t>(bytes, kCompactLinks);
  }
  MOSB_CHECK(check_layout(inode));
  return inode;
}

}  // namespace mosb::verity
