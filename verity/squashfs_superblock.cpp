#include "verity/squashfs_superblock.h"

#include <string>

#include "verity/block.h"
#include "verity/little_endian.h"

namespace mosb::verity {

namespace {

// Offsets of the kernel's struct squashfs_super_block.
constexpr std::size_t kMagic = 0;
constexpr std::size_t kBlockSizeField = 12;
constexpr std::size_t kCompression = 20;
constexpr std::size_t kBlockLog = 22;
constexpr std::size_t kMajor = 28;
constexpr std::size_t kMinor = 30;
constexpr std::size_t kBytesUsed = 40;

constexpr std::uint32_t kMagicValue = 0x73717368;
constexpr unsigned kMinBlockLog = 12;
constexpr unsigned kMaxBlockLog = 20;

Error unacceptable(const std::string& why) {
  return Error(Errc::kVerity, "squashfs superblock: " + why);
}

}  // namespace

bool SquashfsSuperblock::is_in(std::span<const std::byte> bytes) {
  return bytes.size() >= kSize && load_le<std::uint32_t>(bytes, kMagic) == kMagicValue;
}

Result<SquashfsSuperblock> SquashfsSuperblock::parse(std::span<const std::byte> bytes) {
  if (!is_in(bytes)) {
    return unacceptable("magic number missing: not a squashfs image");
  }
  const auto major = load_le<std::uint16_t>(bytes, kMajor);
  const auto minor = load_le<std::uint16_t>(bytes, kMinor);
  if (major != 4 || minor != 0) {
    return unacceptable("version " + std::to_string(major) + "." + std::to_string(minor) +
                        ", not 4.0");
  }
  SquashfsSuperblock superblock;
  superblock.block_size = load_le<std::uint32_t>(bytes, kBlockSizeField);
  const unsigned block_log = load_le<std::uint16_t>(bytes, kBlockLog);
  if (block_log < kMinBlockLog || block_log > kMaxBlockLog ||
      superblock.block_size != 1U << block_log) {
    return unacceptable("block size " + std::to_string(superblock.block_size) +
                        " is none that squashfs has");
  }
  superblock.compression = load_le<std::uint16_t>(bytes, kCompression);
  superblock.bytes_used = ByteCount{load_le<std::uint64_t>(bytes, kBytesUsed)};
  if (superblock.bytes_used.value < kSize) {
    return unacceptable("says that the image has " + std::to_string(superblock.bytes_used.value) +
                        " bytes");
  }
  return superblock;
}

Status check_squashfs_fills(const SquashfsSuperblock& superblock, ByteCount data_size) {
  const std::uint64_t used = superblock.bytes_used.value;
  if (used > data_size.value || data_size.value - used >= kBlockSize) {
    return unacceptable("says that the image has " + std::to_string(used) +
                        " bytes, but there are " + std::to_string(data_size.value));
  }
  return ok();
}

}  // namespace mosb::verity
