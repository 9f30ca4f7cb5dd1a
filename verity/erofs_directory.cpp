#include "verity/erofs_directory.h"

#include <array>

#include <sys/stat.h>

#include "verity/little_endian.h"

namespace mosb::verity {

namespace {

// Of the kernel's struct erofs_dirent.
constexpr std::size_t kEntrySize = 12;
constexpr std::size_t kNameOffset = 8;
constexpr std::size_t kType = 10;

/// By the kind that an entry says.
constexpr std::array<mode_t, 8> kTypes{
    0, S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};

Error broken() {
  return Error(Errc::kVerity, "the directory's entries and names don't lie as they should");
}

/// Where the name of this entry begins; behind the last entry, where names end.
std::size_t name_begin(std::span<const std::byte> block, std::size_t index, std::size_t entries) {
  return index < entries ? load_le<std::uint16_t>(block, index * kEntrySize + kNameOffset)
                         : block.size();
}

Result<ErofsEntry> entry_at(std::span<const std::byte> block,
                            std::size_t index,
                            std::size_t entries) {
  const std::size_t begin = name_begin(block, index, entries);
  const std::size_t end = name_begin(block, index + 1, entries);
  if (begin >= end || end > block.size()) {
    return broken();
  }
  const auto bytes = block.subspan(begin, end - begin);
  std::string_view name(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (index + 1 == entries) {
    // Behind the last one is padding.
    name = name.substr(0, name.find('\0'));
  }
  const std::size_t at = index * kEntrySize;
  const std::size_t type = load_le<std::uint8_t>(block, at + kType);
  if (type == 0 || type >= kTypes.size()) {
    return Error(Errc::kVerity, "the directory entry is of no kind");
  }
  return ErofsEntry{
      .name = name, .inode = load_le<std::uint64_t>(block, at), .type = kTypes.at(type)};
}

}  // namespace

Status for_each_erofs_entry(std::span<const std::byte> block,
                            const std::function<Result<bool>(const ErofsEntry&)>& visit) {
  if (block.size() < kEntrySize) {
    return broken();
  }
  // The first name follows the last entry, which says how many there are.
  const std::size_t first = load_le<std::uint16_t>(block, kNameOffset);
  if (first == 0 || first % kEntrySize != 0 || first >= block.size()) {
    return broken();
  }
  const std::size_t entries = first / kEntrySize;
  for (std::size_t i = 0; i < entries; ++i) {
    const ErofsEntry entry = MOSB_TRY(entry_at(block, i, entries));
    if (!MOSB_TRY(visit(entry))) {
      return ok();
    }
  }
  return ok();
}

}  // namespace mosb::verity
