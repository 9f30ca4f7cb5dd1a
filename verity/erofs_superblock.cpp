#include "verity/erofs_superblock.h"

#include <array>
#include <cstdio>
#include <string>

#include "verity/block.h"
#include "verity/little_endian.h"

namespace mosb::verity {

namespace {

// Offsets of the kernel's struct erofs_super_block.
constexpr std::size_t kMagic = 0;
constexpr std::size_t kChecksum = 4;
constexpr std::size_t kCompatible = 8;
constexpr std::size_t kBlockBits = 12;
constexpr std::size_t kRoot = 14;
constexpr std::size_t kBlocks = 36;
constexpr std::size_t kInodesBlock = 40;
constexpr std::size_t kAttributesBlock = 44;
constexpr std::size_t kIncompatible = 80;
constexpr std::size_t kExtraDevices = 86;
constexpr std::size_t kDirectoryBlockBits = 90;
constexpr std::size_t kPrefixes = 91;
constexpr std::size_t kPrefixesPlace = 92;
constexpr std::size_t kPackedInode = 96;

constexpr std::uint32_t kMagicValue = 0xe0f5e1e2;
constexpr unsigned kBlockLog = 12;
constexpr std::uint32_t kHasChecksum = 0x1;
/// LZ4 with padding in front, compression settings and large clusters, chunks, packed tails,
/// fragments and shared data, prefixes of attribute names. Not 0x8: data on other devices (or a
/// second compression, which has the same bit); not 0x80 and 0x100: other layouts of superblock and
/// inodes.
constexpr std::uint32_t kKnownFeatures =
    0x1 | 0x2 | 0x4 | 0x10 | ErofsSuperblock::kHasFragments | ErofsSuperblock::kHasPrefixes;

Error unacceptable(const std::string& why) {
  return Error(Errc::kVerity, "erofs superblock: " + why);
}

std::string hex(std::uint32_t bits) {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "0x%x", bits);
  return text.data();
}

/// CRC-32C without the inversion at its end, as the kernel's crc32c(~0, …) has it.
std::uint32_t add_to_crc(std::uint32_t crc, std::span<const std::byte> bytes) {
  constexpr std::uint32_t kReversedCastagnoli = 0x82f63b78;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kReversedCastagnoli : 0U);
    }
  }
  return crc;
}

/// Of the block from the superblock on, its own field taken for zero.
std::uint32_t checksum_of(std::span<const std::byte> from_superblock) {
  constexpr std::array<std::byte, sizeof(std::uint32_t)> kZero{};
  std::uint32_t crc = add_to_crc(~0U, from_superblock.first(kChecksum));
  crc = add_to_crc(crc, kZero);
  return add_to_crc(crc, from_superblock.subspan(kChecksum + kZero.size()));
}

Status check_layout(std::span<const std::byte> superblock) {
  const unsigned block_bits = load_le<std::uint8_t>(superblock, kBlockBits);
  if (block_bits != kBlockLog) {
    return unacceptable("blocks of 2^" + std::to_string(block_bits) +
                        " bytes; only those of 4096 bytes can be mounted everywhere");
  }
  if (load_le<std::uint8_t>(superblock, kDirectoryBlockBits) != 0) {
    return unacceptable("directory blocks of another size");
  }
  const unsigned devices = load_le<std::uint16_t>(superblock, kExtraDevices);
  if (devices != 0) {
    return unacceptable("data on " + std::to_string(devices) + " other devices");
  }
  return ok();
}

}  // namespace

bool ErofsSuperblock::is_in(std::span<const std::byte> first_block) {
  return first_block.size() >= kBlockSize &&
         load_le<std::uint32_t>(first_block, kOffset + kMagic) == kMagicValue;
}

Result<ErofsSuperblock> ErofsSuperblock::parse(std::span<const std::byte> first_block) {
  if (!is_in(first_block)) {
    return unacceptable("magic number missing: not an erofs image");
  }
  const auto bytes = first_block.first(kBlockSize).subspan(kOffset);
  ErofsSuperblock superblock;
  superblock.blocks = load_le<std::uint32_t>(bytes, kBlocks);
  superblock.features = load_le<std::uint32_t>(bytes, kIncompatible);
  // Unknown features first: they say what the rest of the bytes means.
  if ((superblock.features & ~kKnownFeatures) != 0) {
    return unacceptable("features " + hex(superblock.features & ~kKnownFeatures) +
                        " that a layer must not have: other devices or an unknown layout");
  }
  MOSB_CHECK(check_layout(bytes));
  if ((load_le<std::uint32_t>(bytes, kCompatible) & kHasChecksum) != 0 &&
      load_le<std::uint32_t>(bytes, kChecksum) != checksum_of(bytes)) {
    return unacceptable("its checksum is wrong");
  }
  superblock.root = load_le<std::uint16_t>(bytes, kRoot);
  superblock.inodes_block = load_le<std::uint32_t>(bytes, kInodesBlock);
  superblock.attributes_block = load_le<std::uint32_t>(bytes, kAttributesBlock);
  superblock.prefixes = load_le<std::uint8_t>(bytes, kPrefixes);
  superblock.prefixes_place = load_le<std::uint32_t>(bytes, kPrefixesPlace);
  if ((superblock.features & kHasFragments) != 0) {
    superblock.packed_inode = load_le<std::uint64_t>(bytes, kPackedInode);
  }
  return superblock;
}

Status check_erofs_fills(const ErofsSuperblock& superblock, ByteCount data_size) {
  const std::uint64_t used = std::uint64_t{superblock.blocks} * kBlockSize;
  if (used != data_size.value) {
    return unacceptable("says that the image has " + std::to_string(used) +
                        " bytes, but there are " + std::to_string(data_size.value));
  }
  return ok();
}

}  // namespace mosb::verity
