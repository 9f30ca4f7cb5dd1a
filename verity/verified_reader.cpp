#include "verity/verified_reader.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "mosb/base/sys.h"
#include "verity/geometry.h"
#include "verity/layer_filesystem.h"
#include "verity/superblock.h"

namespace mosb::verity {

namespace {

/// Hash blocks of the lowest level that a reader keeps: each stands for 512 KiB of data.
constexpr std::size_t kCachedLeaves = 16;

off_t offset_of(std::uint64_t block) {
  return static_cast<off_t>(block * kBlockSize);
}

Sha256 digest_at(std::span<const std::byte> hash_block, std::uint64_t slot) {
  Sha256 digest;
  std::ranges::copy(hash_block.subspan(slot * kSha256Size, kSha256Size), digest.begin());
  return digest;
}

Status read_exactly(int fd, std::span<std::byte> buffer, std::uint64_t block) {
  const std::size_t n = MOSB_TRY(sys::pread(fd, buffer, offset_of(block)));
  if (n != buffer.size()) {
    return Error(Errc::kVerity, "the layer file ends before block " + std::to_string(block));
  }
  return ok();
}

/// By pread(2) alone: it is all that a sandboxed server may do with the file.
Status check_size(const std::string& noun, int fd, ByteCount size) {
  std::array<std::byte, 2> end{};
  const std::size_t n = MOSB_TRY(sys::pread(fd, end, static_cast<off_t>(size.value - 1)));
  if (n != 1) {
    return Error(Errc::kVerity,
                 "the " + noun + " has " + (n == 0 ? "less" : "more") + " than the " +
                     std::to_string(size.value) + " bytes it should have");
  }
  return ok();
}

Result<Salt> read_salt(int fd, const Geometry& geometry) {
  BlockBytes block;
  MOSB_CHECK(read_exactly(fd, block, geometry.superblock_block()));
  const Superblock superblock = MOSB_TRY(Superblock::parse(block));
  if (superblock.data_blocks != geometry.data_blocks) {
    return Error(Errc::kVerity,
                 "verity superblock: says " + std::to_string(superblock.data_blocks) +
                     " data blocks, but by its size the layer has " +
                     std::to_string(geometry.data_blocks));
  }
  return superblock.salt;
}

/// The digests of all blocks of the level below, after checking this level against its own.
Result<std::vector<Sha256>> read_level(int fd,
                                       const Salt& salt,
                                       const TreeLevel& level,
                                       const std::vector<Sha256>& expected,
                                       std::uint64_t blocks_below) {
  std::vector<Sha256> digests;
  digests.reserve(blocks_below);
  BlockBytes block;
  for (std::uint64_t i = 0; i < level.blocks; ++i) {
    MOSB_CHECK(read_exactly(fd, block, level.first_block + i));
    if (hash_block(salt, block) != expected[i]) {
      return Error(Errc::kVerity,
                   "hash block " + std::to_string(level.first_block + i) +
                       " of the layer does not match the root hash");
    }
    for (std::uint64_t slot = 0; slot < kDigestsPerBlock && digests.size() < blocks_below; ++slot) {
      digests.push_back(digest_at(block, slot));
    }
  }
  return digests;
}

/// What the blocks of the lowest level (or the only data block) must hash to.
Result<std::vector<Sha256>> read_upper_levels(int fd,
                                              const Salt& salt,
                                              const Geometry& geometry,
                                              const RootHash& root_hash) {
  std::vector<Sha256> expected{root_hash.bytes()};
  for (std::size_t height = geometry.levels.size(); height > 1; --height) {
    expected = MOSB_TRY(read_level(
        fd, salt, geometry.levels[height - 1], expected, geometry.levels[height - 2].blocks));
  }
  return expected;
}

}  // namespace

struct VerifiedReader::Layer {
  int fd;
  Geometry geometry;
  Salt salt;
  /// Of the lowest level's hash blocks; of the data block itself if there is only one.
  std::vector<Sha256> digests;
  /// Known once the first block was read.
  Filesystem filesystem;
  /// By dm-verity, whose device `fd` is.
  bool checked_by_kernel = false;
};

Result<VerifiedReader> VerifiedReader::open(int fd,
                                            ByteCount signed_size,
                                            const RootHash& root_hash) {
  Geometry geometry = MOSB_TRY(Geometry::of_layer_size(signed_size));
  MOSB_CHECK(check_size("layer file", fd, signed_size));
  const Salt salt = MOSB_TRY(read_salt(fd, geometry));
  std::vector<Sha256> digests = MOSB_TRY(read_upper_levels(fd, salt, geometry, root_hash));
  return of_layer(Layer{.fd = fd,
                        .geometry = std::move(geometry),
                        .salt = salt,
                        .digests = std::move(digests),
                        .filesystem = {}});
}

Result<VerifiedReader> VerifiedReader::open_device(int fd, ByteCount signed_size) {
  Geometry geometry = MOSB_TRY(Geometry::of_layer_size(signed_size));
  MOSB_CHECK(check_size("verity device", fd, geometry.data_size()));
  return of_layer(Layer{.fd = fd,
                        .geometry = std::move(geometry),
                        .salt = {},
                        .digests = {},
                        .filesystem = {},
                        .checked_by_kernel = true});
}

Result<VerifiedReader> VerifiedReader::of_layer(Layer opened) {
  const auto layer = std::make_shared<Layer>(std::move(opened));
  VerifiedReader reader(layer);
  BlockBytes first;
  if (reader.read_blocks(0, first)) {
    return Error(Errc::kVerity, "data block 0 of the layer does not match the root hash");
  }
  layer->filesystem = MOSB_TRY(identify_filesystem(first, reader.data_size()));
  return reader;
}

VerifiedReader::VerifiedReader(std::shared_ptr<const Layer> layer) : layer_(std::move(layer)) {
  leaves_.reserve(kCachedLeaves);
}

VerifiedReader VerifiedReader::fork() const {
  return VerifiedReader(layer_);
}

ByteCount VerifiedReader::data_size() const {
  return layer_->geometry.data_size();
}

const Salt& VerifiedReader::salt() const {
  return layer_->salt;
}

Filesystem VerifiedReader::filesystem() const {
  return layer_->filesystem;
}

std::optional<BlockFault::Kind> VerifiedReader::load_leaf(std::uint64_t index, Leaf& leaf) const {
  leaf.index = UINT64_MAX;
  const auto n =
      sys::pread(layer_->fd, leaf.bytes, offset_of(layer_->geometry.levels[0].first_block + index));
  if (!n) {
    return BlockFault::Kind::kUnreadable;
  }
  if (*n != leaf.bytes.size() || hash_block(layer_->salt, leaf.bytes) != layer_->digests[index]) {
    return BlockFault::Kind::kCorrupt;
  }
  leaf.index = index;
  return std::nullopt;
}

std::optional<BlockFault> VerifiedReader::check(std::uint64_t block,
                                                std::span<const std::byte> bytes) {
  const Sha256 digest = hash_block(layer_->salt, bytes);
  const BlockFault corrupt{.kind = BlockFault::Kind::kCorrupt, .block = block};
  if (layer_->geometry.levels.empty()) {
    return digest == layer_->digests[0] ? std::nullopt : std::optional(corrupt);
  }
  const std::uint64_t index = block / kDigestsPerBlock;
  const std::size_t slot = index % kCachedLeaves;
  while (leaves_.size() <= slot) {
    leaves_.push_back({.index = UINT64_MAX, .bytes = {}});
  }
  Leaf& leaf = leaves_[slot];
  if (leaf.index != index) {
    if (const auto fault = load_leaf(index, leaf)) {
      return BlockFault{.kind = *fault, .block = block};
    }
  }
  if (digest != digest_at(leaf.bytes, block % kDigestsPerBlock)) {
    return corrupt;
  }
  return std::nullopt;
}

/// One bad block fails a read of many, so each is asked for by itself then.
std::optional<BlockFault> VerifiedReader::read_checked(std::uint64_t first,
                                                       std::span<std::byte> buffer) const {
  const auto all = sys::pread(layer_->fd, buffer, offset_of(first));
  if (all && *all == buffer.size()) {
    return std::nullopt;
  }
  for (std::size_t done = 0; done < buffer.size(); done += kBlockSize) {
    const std::uint64_t block = first + done / kBlockSize;
    const auto one = sys::pread(layer_->fd, buffer.subspan(done, kBlockSize), offset_of(block));
    if (!one || *one != kBlockSize) {
      return BlockFault{.kind = BlockFault::Kind::kUnreadable, .block = block};
    }
  }
  return std::nullopt;
}

std::optional<BlockFault> VerifiedReader::read_blocks(std::uint64_t first,
                                                      std::span<std::byte> buffer) {
  if (layer_->checked_by_kernel) {
    return read_checked(first, buffer);
  }
  const auto n = sys::pread(layer_->fd, buffer, offset_of(first));
  if (!n) {
    return BlockFault{.kind = BlockFault::Kind::kUnreadable, .block = first};
  }
  for (std::size_t done = 0; done < buffer.size(); done += kBlockSize) {
    const std::uint64_t block = first + done / kBlockSize;
    if (done + kBlockSize > *n) {
      return BlockFault{.kind = BlockFault::Kind::kCorrupt, .block = block};
    }
    if (const auto fault = check(block, buffer.subspan(done, kBlockSize))) {
      return fault;
    }
  }
  return std::nullopt;
}

}  // namespace mosb::verity
