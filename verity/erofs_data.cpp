#include "verity/erofs_data.h"

#include <algorithm>
#include <array>
#include <string>

#include <sys/stat.h>

#include "verity/block.h"
#include "verity/little_endian.h"

namespace mosb::verity {

namespace {

using Visit = std::function<Status(std::uint64_t begin, std::uint64_t size)>;

// The form of chunks: how many blocks are in one, as a power of two, and what the map is made of.
constexpr unsigned kChunkLog = 0x1f;
constexpr unsigned kChunkIndexes = 0x20;
/// Of an entry of the map: a device, which must be the only one, and a block.
constexpr std::size_t kIndexSize = 8;
constexpr std::size_t kIndexDevice = 2;
constexpr std::size_t kIndexBlock = 4;
/// Or just a block.
constexpr std::size_t kBlockEntrySize = 4;
constexpr std::uint32_t kHole = UINT32_MAX;
constexpr unsigned kBlockLog = 12;
/// Of the struct z_erofs_map_header, and what its place is a multiple of.
constexpr std::uint64_t kMapHead = 8;

Error refuse(const std::string& why) {
  return Error(Errc::kVerity, why);
}

Error outside() {
  return refuse("its data does not lie in the image");
}

std::uint64_t align(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Data that begins with a block.
Status visit_blocks(std::uint32_t first,
                    std::uint64_t size,
                    const VerifiedBlocks& blocks,
                    const Visit& visit) {
  const std::uint64_t begin = std::uint64_t{first} * kBlockSize;
  const std::uint64_t all = blocks.size().value;
  if (begin > all || size > all - begin) {
    return outside();
  }
  return visit(begin, size);
}

Status visit_inline(const ErofsInode& inode, const VerifiedBlocks& blocks, const Visit& visit) {
  // As the kernel has it: the end is a whole block where the size is a multiple.
  const std::uint64_t before = (inode.size - 1) / kBlockSize * kBlockSize;
  const std::uint64_t end = inode.size - before;
  if (before > 0) {
    MOSB_CHECK(visit_blocks(inode.data, before, blocks, visit));
  }
  if (inode.tail_place() >= blocks.size().value) {
    return outside();
  }
  if (inode.tail_place() % kBlockSize + end > kBlockSize) {
    return refuse("the end of its data does not lie in one block");
  }
  return visit(inode.tail_place(), end);
}

/// The entries of a map of chunks.
class ChunkMap {
 public:
  explicit ChunkMap(const ErofsInode& inode)
      : entry_size_((inode.data & kChunkIndexes) != 0 ? kIndexSize : kBlockEntrySize),
        place_(align(inode.tail_place(), entry_size_)) {}

  /// Whether so many lie in the image.
  bool fits(std::uint64_t chunks, const VerifiedBlocks& blocks) const {
    const std::uint64_t all = blocks.size().value;
    return place_ <= all && chunks <= (all - place_) / entry_size_;
  }
  /// The first block of a chunk, or kHole.
  Result<std::uint32_t> block(std::uint64_t chunk, VerifiedBlocks& blocks) const {
    std::array<std::byte, kIndexSize> bytes{};
    const auto entry = std::span(bytes).first(entry_size_);
    if (!blocks.read(place_ + chunk * entry_size_, entry)) {
      return outside();
    }
    if (entry_size_ == kBlockEntrySize) {
      return load_le<std::uint32_t>(entry, 0);
    }
    const auto block = load_le<std::uint32_t>(entry, kIndexBlock);
    if (block != kHole && load_le<std::uint16_t>(entry, kIndexDevice) != 0) {
      return refuse("its data lies on another device");
    }
    return block;
  }

 private:
  std::size_t entry_size_;
  std::uint64_t place_;
};

Status visit_chunks(const ErofsInode& inode, VerifiedBlocks& blocks, const Visit& visit) {
  constexpr std::uint32_t kForm = 0xffff;
  if ((inode.data & kForm & ~(kChunkLog | kChunkIndexes)) != 0) {
    return refuse("its chunks have a form that is not known");
  }
  const unsigned chunk_log = kBlockLog + (inode.data & kChunkLog);
  const std::uint64_t chunks = ((inode.size - 1) >> chunk_log) + 1;
  const ChunkMap map(inode);
  if (!map.fits(chunks, blocks)) {
    return outside();
  }
  for (std::uint64_t i = 0; i < chunks; ++i) {
    const std::uint32_t block = MOSB_TRY(map.block(i, blocks));
    if (block != kHole) {
      const std::uint64_t left = inode.size - (i << chunk_log);
      MOSB_CHECK(visit_blocks(block, std::min(left, std::uint64_t{1} << chunk_log), blocks, visit));
    }
  }
  return ok();
}

}  // namespace

Status for_each_erofs_range(const ErofsInode& inode, VerifiedBlocks& blocks, const Visit& visit) {
  const bool has_data = S_ISREG(inode.mode) || S_ISDIR(inode.mode) || S_ISLNK(inode.mode);
  if (!has_data || inode.size == 0) {
    return ok();
  }
  switch (inode.layout) {
    case ErofsLayout::kPlain:
      return visit_blocks(inode.data, inode.size, blocks, visit);
    case ErofsLayout::kInline:
      return visit_inline(inode, blocks, visit);
    case ErofsLayout::kChunks:
      return visit_chunks(inode, blocks, visit);
    case ErofsLayout::kCompressedFull:
    case ErofsLayout::kCompressedCompact:
      break;
  }
  const std::uint64_t map = align(inode.tail_place(), kMapHead);
  const std::uint64_t all = blocks.size().value;
  return map <= all && kMapHead <= all - map ? ok() : Status(outside());
}

}  // namespace mosb::verity
