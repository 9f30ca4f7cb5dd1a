#include "verity/erofs_attributes.h"

#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "verity/block.h"
#include "verity/little_endian.h"

namespace mosb::verity {

namespace {

// Of the kernel's struct erofs_xattr_ibody_header.
constexpr std::size_t kHeadSize = 12;
constexpr std::size_t kSharedCount = 4;
// Of struct erofs_xattr_entry, whose place and size are multiples of its size.
constexpr std::size_t kEntrySize = 4;
constexpr std::size_t kNameIndex = 1;
constexpr std::size_t kValueSize = 2;
/// Of a name's index: it is that of a prefix which the image has.
constexpr unsigned kLongPrefix = 0x80;
constexpr std::size_t kMaxName = 255;

/// The kernel's own prefixes, by index.
constexpr std::array<std::string_view, 7> kPrefixes{"",
                                                    "user.",
                                                    "system.posix_acl_access",
                                                    "system.posix_acl_default",
                                                    "trusted.",
                                                    "lustre.",
                                                    "security."};

Error refuse(const std::string& why) {
  return Error(Errc::kVerity, why);
}

Error outside() {
  return refuse("its attributes don't lie where they should");
}

std::optional<std::string> own_prefix(std::uint8_t index) {
  return index == 0 || index >= kPrefixes.size() ? std::nullopt
                                                 : std::optional<std::string>(kPrefixes.at(index));
}

std::uint64_t align(std::uint64_t value) {
  return (value + kEntrySize - 1) / kEntrySize * kEntrySize;
}

Result<std::string> read_text(std::uint64_t place, std::size_t size, VerifiedBlocks& blocks) {
  std::string text(size, '\0');
  if (!blocks.read(place, std::as_writable_bytes(std::span(text)))) {
    return outside();
  }
  if (text.find('\0') != std::string::npos) {
    return refuse("the name of an attribute has NUL in it");
  }
  return text;
}

/// At `place`, which is moved behind it.
Result<std::string> read_prefix(std::uint64_t& place, VerifiedBlocks& blocks) {
  // Its size, then the index of the kernel's prefix that it goes on from.
  std::array<std::byte, 3> head{};
  if (!blocks.read(place, head)) {
    return refuse("the prefixes of attribute names don't lie in the image");
  }
  const std::size_t size = load_le<std::uint16_t>(head, 0);
  const auto base = own_prefix(load_le<std::uint8_t>(head, 2));
  if (size == 0 || size > kMaxName + 1 || !base) {
    return refuse("a prefix of attribute names is none");
  }
  std::string rest = MOSB_TRY(read_text(place + head.size(), size - 1, blocks));
  place = align(place + sizeof(std::uint16_t) + size);
  return *base + rest;
}

}  // namespace

Result<ErofsAttributes> ErofsAttributes::open(const ErofsSuperblock& superblock,
                                              VerifiedBlocks& blocks) {
  ErofsAttributes attributes;
  attributes.shared_place_ = std::uint64_t{superblock.attributes_block} * kBlockSize;
  if (superblock.prefixes == 0) {
    return attributes;
  }
  if ((superblock.features & ErofsSuperblock::kHasPrefixes) == 0) {
    return refuse("has prefixes of attribute names that not every kernel would see");
  }
  if ((superblock.features & ErofsSuperblock::kHasFragments) != 0) {
    return refuse("its prefixes of attribute names may be compressed, and can't be looked at");
  }
  std::uint64_t place = std::uint64_t{superblock.prefixes_place} * kEntrySize;
  for (unsigned i = 0; i < superblock.prefixes; ++i) {
    attributes.prefixes_.push_back(MOSB_TRY(read_prefix(place, blocks)));
  }
  return attributes;
}

Result<std::string> ErofsAttributes::full_name(std::uint8_t index, const std::string& name) const {
  if ((index & kLongPrefix) == 0) {
    const auto prefix = own_prefix(index);
    return prefix ? Result<std::string>(*prefix + name)
                  : Result<std::string>(refuse("the name of an attribute has no known prefix"));
  }
  const std::size_t own = index & ~kLongPrefix;
  return own < prefixes_.size()
             ? Result<std::string>(prefixes_[own] + name)
             : Result<std::string>(refuse("the name of an attribute has no known prefix"));
}

Result<std::size_t> ErofsAttributes::read_entry(std::uint64_t place,
                                                VerifiedBlocks& blocks,
                                                Attribute& attribute) const {
  std::array<std::byte, kEntrySize> head{};
  if (!blocks.read(place, head)) {
    return outside();
  }
  const std::size_t name_size = load_le<std::uint8_t>(head, 0);
  const std::string name = MOSB_TRY(read_text(place + kEntrySize, name_size, blocks));
  attribute.name = MOSB_TRY(full_name(load_le<std::uint8_t>(head, kNameIndex), name));
  attribute.value_place = place + kEntrySize + name_size;
  attribute.value_size = load_le<std::uint16_t>(head, kValueSize);
  const std::uint64_t all = blocks.size().value;
  if (attribute.value_place > all || attribute.value_size > all - attribute.value_place) {
    return outside();
  }
  return static_cast<std::size_t>(align(kEntrySize + name_size + attribute.value_size));
}

Status ErofsAttributes::read_shared(std::uint64_t place,
                                    std::size_t count,
                                    VerifiedBlocks& blocks,
                                    std::vector<Attribute>& found) const {
  std::vector<std::byte> ids(count * sizeof(std::uint32_t));
  if (!blocks.read(place, ids)) {
    return outside();
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t id = load_le<std::uint32_t>(ids, i * sizeof(std::uint32_t));
    (void)MOSB_TRY(read_entry(shared_place_ + id * kEntrySize, blocks, found.emplace_back()));
  }
  return ok();
}

Result<std::vector<ErofsAttributes::Attribute>> ErofsAttributes::of(const ErofsInode& inode,
                                                                    VerifiedBlocks& blocks) const {
  std::vector<Attribute> found;
  if (inode.attributes_size == 0) {
    return found;
  }
  std::array<std::byte, kHeadSize> head{};
  if (inode.attributes_size <= kHeadSize || !blocks.read(inode.attributes_place(), head)) {
    return outside();
  }
  const std::size_t shared = load_le<std::uint8_t>(head, kSharedCount);
  const std::size_t before = kHeadSize + shared * sizeof(std::uint32_t);
  if (before > inode.attributes_size) {
    return outside();
  }
  std::uint64_t place = inode.attributes_place() + before;
  while (place < inode.tail_place()) {
    const std::size_t size = MOSB_TRY(read_entry(place, blocks, found.emplace_back()));
    if (size > inode.tail_place() - place) {
      return outside();
    }
    place += size;
  }
  MOSB_CHECK(read_shared(inode.attributes_place() + kHeadSize, shared, blocks, found));
  std::set<std::string_view> names;
  for (const Attribute& attribute : found) {
    if (!names.insert(attribute.name).second) {
      return refuse("an attribute is there twice");
    }
  }
  return found;
}

}  // namespace mosb::verity
