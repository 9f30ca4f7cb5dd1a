#include "verity/superblock.h"

#include <algorithm>
#include <string>

#include "verity/little_endian.h"

namespace mosb::verity {

namespace {

// Offsets of cryptsetup's struct verity_sb.
constexpr std::size_t kSignature = 0;
constexpr std::size_t kVersion = 8;
constexpr std::size_t kHashType = 12;
constexpr std::size_t kUuid = 16;
constexpr std::size_t kAlgorithm = 32;
constexpr std::size_t kDataBlockSize = 64;
constexpr std::size_t kHashBlockSize = 68;
constexpr std::size_t kDataBlocks = 72;
constexpr std::size_t kSaltLength = 80;
constexpr std::size_t kPadding = 82;
constexpr std::size_t kSalt = 88;

constexpr std::array<char, 8> kSignatureBytes{'v', 'e', 'r', 'i', 't', 'y', '\0', '\0'};
constexpr std::array<char, 32> kAlgorithmBytes{'s', 'h', 'a', '2', '5', '6'};
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::uint32_t kNormalHashType = 1;

bool matches(std::span<const std::byte> bytes, std::span<const char> expected) {
  return std::ranges::equal(bytes, std::as_bytes(expected));
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

Error unacceptable(const std::string& why) {
  return Error(Errc::kVerity, "verity superblock: " + why);
}

Status require_number(const char* field, std::uint64_t value, std::uint64_t expected) {
  if (value != expected) {
    return unacceptable(std::string(field) + " is " + std::to_string(value) + ", not " +
                        std::to_string(expected));
  }
  return ok();
}

}  // namespace

Result<Superblock> Superblock::parse(std::span<const std::byte, kBlockSize> block) {
  if (!matches(block.subspan(kSignature, kSignatureBytes.size()), kSignatureBytes)) {
    return unacceptable("signature missing");
  }
  MOSB_CHECK(require_number("version", load_le<std::uint32_t>(block, kVersion), kFormatVersion));
  MOSB_CHECK(
      require_number("hash type", load_le<std::uint32_t>(block, kHashType), kNormalHashType));
  if (!matches(block.subspan(kAlgorithm, kAlgorithmBytes.size()), kAlgorithmBytes)) {
    return unacceptable("hash algorithm is not sha256");
  }
  MOSB_CHECK(
      require_number("data block size", load_le<std::uint32_t>(block, kDataBlockSize), kBlockSize));
  MOSB_CHECK(
      require_number("hash block size", load_le<std::uint32_t>(block, kHashBlockSize), kBlockSize));
  MOSB_CHECK(require_number("salt size", load_le<std::uint16_t>(block, kSaltLength), kSaltSize));
  if (!all_zero(block.subspan(kPadding, kSalt - kPadding)) ||
      !all_zero(block.subspan(kSalt + kSaltSize))) {
    return unacceptable("unused bytes are not zero");
  }
  Superblock superblock;
  superblock.data_blocks = load_le<std::uint64_t>(block, kDataBlocks);
  std::ranges::copy(block.subspan(kSalt, kSaltSize), superblock.salt.begin());
  std::ranges::copy(block.subspan(kUuid, superblock.uuid.size()), superblock.uuid.begin());
  return superblock;
}

BlockBytes Superblock::print() const {
  BlockBytes block{};
  const std::span<std::byte> out(block);
  std::ranges::copy(std::as_bytes(std::span(kSignatureBytes)), out.begin() + kSignature);
  store_le<std::uint32_t>(out, kVersion, kFormatVersion);
  store_le<std::uint32_t>(out, kHashType, kNormalHashType);
  std::ranges::copy(uuid, out.begin() + kUuid);
  std::ranges::copy(std::as_bytes(std::span(kAlgorithmBytes)), out.begin() + kAlgorithm);
  store_le<std::uint32_t>(out, kDataBlockSize, kBlockSize);
  store_le<std::uint32_t>(out, kHashBlockSize, kBlockSize);
  store_le<std::uint64_t>(out, kDataBlocks, data_blocks);
  store_le<std::uint16_t>(out, kSaltLength, kSaltSize);
  std::ranges::copy(salt, out.begin() + kSalt);
  return block;
}

}  // namespace mosb::verity
