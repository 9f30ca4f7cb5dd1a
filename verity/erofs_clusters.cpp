#include "verity/erofs_clusters.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "verity/block.h"
#include "verity/little_endian.h"

namespace mosb::verity {

namespace {

using Visit = std::function<void(std::uint64_t begin, std::uint64_t size)>;

// Of the struct z_erofs_map_header.
constexpr std::uint64_t kHeadSize = 8;
constexpr std::size_t kAdvise = 4;
constexpr std::size_t kClusterLog = 7;
constexpr unsigned kClusterLogMask = 0x7;
constexpr unsigned kAllAmongEnds = 0x80;
// What it advises.
constexpr unsigned kShortEntries = 0x1;
constexpr unsigned kBigClusters = 0x2 | 0x4;
constexpr unsigned kEndElsewhere = 0x8 | 0x20;
/// Of the superblock: one of these, or files with entries of 8 bytes have no header.
constexpr std::uint32_t kHeaderFeatures = 0x2 | 0x10 | 0x20;

/// Of an entry of the map, which stands for 4096 bytes of the file: no compressed cluster begins in
/// them. The kinds 0, 1 and 3 are beginnings.
constexpr unsigned kGoesOn = 2;
constexpr unsigned kKindMask = 3;
/// In the number of the first that goes on: the rest is how many blocks the cluster has.
constexpr std::uint32_t kIsCount = 0x800;

Error unreadable() {
  return Error(Errc::kVerity, "the map of a compressed file can't be read");
}

/// Puts together what the entries say, one after another.
class Clusters {
 public:
  Clusters(const ErofsInode& file, unsigned advise, const Visit& visit)
      : size_(file.size), advise_(advise), visit_(visit) {}

  /// What begins in this entry's part of the file, and where in it.
  void begin(std::uint64_t entry, std::uint32_t offset, std::uint64_t block) {
    // Else it just says where the last one ends.
    if (entry * kBlockSize + offset < size_) {
      visit_open();
      open_.emplace(block * kBlockSize, kBlockSize);
    }
  }
  void go_on(std::uint32_t number) {
    if (open_ && says_count(number)) {
      open_->second = (number & ~kIsCount) * std::uint64_t{kBlockSize};
    }
  }
  void end() {
    if ((advise_ & kEndElsewhere) == 0) {
      visit_open();
    }
  }
  bool has_big() const { return (advise_ & kBigClusters) != 0; }
  bool says_count(std::uint32_t number) const { return has_big() && (number & kIsCount) != 0; }

 private:
  void visit_open() {
    if (open_) {
      visit_(open_->first, open_->second);
    }
  }

  std::uint64_t size_;
  unsigned advise_;
  const Visit& visit_;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> open_;
};

/// A map with 8 bytes for each entry.
Status read_full(std::uint64_t place,
                 std::uint64_t entries,
                 VerifiedBlocks& blocks,
                 Clusters& clusters) {
  constexpr std::size_t kEntrySize = 8;
  constexpr std::size_t kOffset = 2;
  constexpr std::size_t kValue = 4;
  for (std::uint64_t i = 0; i < entries; ++i) {
    std::array<std::byte, kEntrySize> entry{};
    if (!blocks.read(place + i * kEntrySize, entry)) {
      return unreadable();
    }
    if ((load_le<std::uint16_t>(entry, 0) & kKindMask) == kGoesOn) {
      clusters.go_on(load_le<std::uint16_t>(entry, kValue));
    } else {
      clusters.begin(
          i, load_le<std::uint16_t>(entry, kOffset), load_le<std::uint32_t>(entry, kValue));
    }
  }
  return ok();
}

/// Entries that share the number of a block, which stands behind them.
struct Pack {
  std::size_t size;
  std::size_t entries;
  unsigned entry_bits() const {
    return static_cast<unsigned>((size - sizeof(std::uint32_t)) * 8 / entries);
  }
};
constexpr Pack kLongPack{.size = 8, .entries = 2};
constexpr Pack kShortPack{.size = 32, .entries = 16};
constexpr unsigned kNumberBits = 12;

struct Entry {
  unsigned kind;
  /// Of one that goes on; else where in its part of the file the cluster begins.
  std::uint32_t number;
};

Entry entry_of(const Pack& pack, std::span<const std::byte> bytes, std::size_t index) {
  const std::size_t bit = index * pack.entry_bits();
  const std::uint32_t value = load_le<std::uint32_t>(bytes, bit / 8) >> (bit % 8);
  return {(value >> kNumberBits) & kKindMask, value & ((1U << kNumberBits) - 1)};
}

/// The entries from `first` on, as many as are used. Clusters lie one behind another from the block
/// on that the pack says.
void read_pack(const Pack& pack,
               std::span<const std::byte> bytes,
               std::uint64_t first,
               std::size_t used,
               Clusters& clusters) {
  // Unless clusters may be big, the block is the one before the first that begins here.
  std::uint64_t block = load_le<std::uint32_t>(bytes, pack.size - sizeof(std::uint32_t)) +
                        (clusters.has_big() ? std::uint64_t{0} : std::uint64_t{1});
  for (std::size_t i = 0; i < used; ++i) {
    const Entry entry = entry_of(pack, bytes, i);
    if (entry.kind == kGoesOn) {
      clusters.go_on(entry.number);
      block += clusters.says_count(entry.number) ? entry.number & ~kIsCount : 0;
      continue;
    }
    clusters.begin(first + i, entry.number, block);
    const bool counted = i + 1 < pack.entries && [&] {
      const Entry next = entry_of(pack, bytes, i + 1);
      return next.kind == kGoesOn && clusters.says_count(next.number);
    }();
    block += counted ? 0 : 1;
  }
}

/// How far a compact map was read.
struct Progress {
  std::uint64_t place;
  std::uint64_t entry;
};

Status read_packs(const Pack& pack,
                  std::uint64_t end,
                  Progress& progress,
                  VerifiedBlocks& blocks,
                  Clusters& clusters) {
  while (progress.entry < end) {
    std::array<std::byte, kShortPack.size> buffer{};
    const auto bytes = std::span(buffer).first(pack.size);
    if (!blocks.read(progress.place, bytes)) {
      return unreadable();
    }
    const std::size_t used = std::min<std::uint64_t>(pack.entries, end - progress.entry);
    read_pack(pack, bytes, progress.entry, used, clusters);
    progress.place += pack.size;
    progress.entry += used;
  }
  return ok();
}

/// A map with 4 bytes for each entry, or 2 for as many as are in whole packs of those, which begin
/// at a multiple of their size.
Status read_compact(std::uint64_t place,
                    std::uint64_t entries,
                    bool has_short,
                    VerifiedBlocks& blocks,
                    Clusters& clusters) {
  const std::uint64_t to_short =
      (kShortPack.size - place % kShortPack.size) % kShortPack.size / sizeof(std::uint32_t);
  const std::uint64_t first = std::min(to_short, entries);
  const std::uint64_t shorts =
      has_short ? (entries - first) / kShortPack.entries * kShortPack.entries : 0;
  Progress progress{.place = place, .entry = 0};
  MOSB_CHECK(read_packs(kLongPack, first, progress, blocks, clusters));
  MOSB_CHECK(read_packs(kShortPack, first + shorts, progress, blocks, clusters));
  return read_packs(kLongPack, entries, progress, blocks, clusters);
}

}  // namespace

Status for_each_erofs_cluster(const ErofsInode& inode,
                              const ErofsSuperblock& superblock,
                              VerifiedBlocks& blocks,
                              const Visit& visit) {
  if (inode.size == 0) {
    return ok();
  }
  const bool full = inode.layout == ErofsLayout::kCompressedFull;
  const std::uint64_t place = (inode.tail_place() + kHeadSize - 1) / kHeadSize * kHeadSize;
  std::array<std::byte, kHeadSize> head{};
  if (!blocks.read(place, head)) {
    return unreadable();
  }
  if (full && (superblock.features & kHeaderFeatures) == 0) {
    head = {};
  }
  const unsigned form = load_le<std::uint8_t>(head, kClusterLog);
  if ((form & kAllAmongEnds) != 0) {
    return ok();
  }
  if ((form & kClusterLogMask) != 0) {
    return unreadable();
  }
  const unsigned advise = load_le<std::uint16_t>(head, kAdvise);
  const std::uint64_t entries = (inode.size - 1) / kBlockSize + 1;
  Clusters clusters(inode, advise, visit);
  // Behind the header of a full map 8 bytes are left out.
  MOSB_CHECK(
      full ? read_full(place + 2 * kHeadSize, entries, blocks, clusters)
           : read_compact(
                 place + kHeadSize, entries, (advise & kShortEntries) != 0, blocks, clusters));
  clusters.end();
  return ok();
}

}  // namespace mosb::verity
