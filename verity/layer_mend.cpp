#include "verity/layer_mend.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/unique_fd.h"
#include "verity/block.h"
#include "verity/geometry.h"
#include "verity/superblock.h"

namespace mosb::verity {

namespace {

using Bytes = std::vector<std::byte>;

Error not_right() {
  return Error(Errc::kVerity, "what was fetched is not right either");
}

Sha256 digest_at(std::span<const std::byte> hash_block, std::size_t slot) {
  Sha256 digest;
  std::ranges::copy(hash_block.subspan(slot * kSha256Size, kSha256Size), digest.begin());
  return digest;
}

class Mending {
 public:
  Mending(int fd, ByteCount size, Geometry geometry, const ReadPart& read_part)
      : fd_(fd),
        budget_(std::max(size.value / kMendableFraction, kMendableAnyhow.value)),
        geometry_(std::move(geometry)),
        read_part_(read_part) {}

  Status run(const RootHash& root_hash);
  const MendedLayer& done() const { return done_; }

 private:
  Result<Bytes> read(std::uint64_t first, std::uint64_t blocks) const;
  Result<Bytes> fetch(std::uint64_t first, std::uint64_t blocks);
  Status write(std::uint64_t first, std::span<const std::byte> bytes);
  /// Finds the salt by which the tree's topmost block has the root hash.
  Status mend_top(const RootHash& root_hash);
  /// The blocks from `first` on, as their digests say, mended where they were not.
  Result<Bytes> mend(std::uint64_t first, std::span<const Sha256> digests);
  Status mend_run(std::uint64_t first, std::span<const Sha256> digests, std::span<std::byte> bytes);
  /// The digests of the blocks of one level, from the level above it.
  Result<std::vector<Sha256>> mend_level(const TreeLevel& level,
                                         const std::vector<Sha256>& digests,
                                         std::uint64_t blocks_below);

  int fd_;
  std::uint64_t budget_;
  std::uint64_t runs_ = 0;
  Geometry geometry_;
  const ReadPart& read_part_;
  Salt salt_{};
  MendedLayer done_;
};

Result<Bytes> Mending::read(std::uint64_t first, std::uint64_t blocks) const {
  Bytes bytes(blocks * kBlockSize);
  const auto n = sys::pread(fd_, bytes, static_cast<off_t>(first * kBlockSize));
  // A sector that can't be read is one that can be written again.
  if (!n || *n != bytes.size()) {
    std::ranges::fill(bytes, std::byte{0});
    for (std::uint64_t i = 0; blocks > 1 && i < blocks; ++i) {
      const Bytes one = MOSB_TRY(read(first + i, 1));
      std::ranges::copy(one, std::span(bytes).subspan(i * kBlockSize).begin());
    }
  }
  return bytes;
}

Result<Bytes> Mending::fetch(std::uint64_t first, std::uint64_t blocks) {
  Bytes bytes(blocks * kBlockSize);
  if (++runs_ > kMaxMendedRuns || done_.fetched.value + bytes.size() > budget_) {
    return Error(Errc::kVerity, "too much of it is damaged to be mended");
  }
  MOSB_CHECK(read_part_(first * kBlockSize, bytes));
  done_.fetched.value += bytes.size();
  return bytes;
}

Status Mending::write(std::uint64_t first, std::span<const std::byte> bytes) {
  MOSB_CHECK(sys::pwrite_all(fd_, bytes, static_cast<off_t>(first * kBlockSize)));
  done_.blocks += bytes.size() / kBlockSize;
  return ok();
}

Status Mending::mend_top(const RootHash& root_hash) {
  const std::uint64_t top = geometry_.levels.empty() ? 0 : geometry_.levels.back().first_block;
  const auto salt_of = [&](std::span<const std::byte> block) -> std::optional<Salt> {
    const auto superblock = Superblock::parse(block.first<kBlockSize>());
    const bool fits = superblock && superblock->data_blocks == geometry_.data_blocks;
    return fits ? std::optional(superblock->salt) : std::nullopt;
  };
  const auto is_right = [&](const std::optional<Salt>& salt, const Bytes& block) {
    return salt && hash_block(*salt, block) == root_hash.bytes();
  };
  const std::optional<Salt> salt = salt_of(MOSB_TRY(read(geometry_.superblock_block(), 1)));
  const Bytes block = MOSB_TRY(read(top, 1));
  if (is_right(salt, block)) {
    salt_ = *salt;
    return ok();
  }
  const Bytes fetched_superblock = MOSB_TRY(fetch(geometry_.superblock_block(), 1));
  const std::optional<Salt> fetched_salt = salt_of(fetched_superblock);
  const Bytes fetched = MOSB_TRY(fetch(top, 1));
  if (!is_right(salt, fetched) && !is_right(fetched_salt, block) &&
      !is_right(fetched_salt, fetched)) {
    return not_right();
  }
  if (!is_right(salt, fetched)) {
    MOSB_CHECK(write(geometry_.superblock_block(), fetched_superblock));
  }
  salt_ = is_right(salt, fetched) ? *salt : *fetched_salt;
  return is_right(salt_, block) ? ok() : write(top, fetched);
}

Status Mending::mend_run(std::uint64_t first,
                         std::span<const Sha256> digests,
                         std::span<std::byte> bytes) {
  const Bytes fetched = MOSB_TRY(fetch(first, digests.size()));
  for (std::size_t i = 0; i < digests.size(); ++i) {
    if (hash_block(salt_, std::span(fetched).subspan(i * kBlockSize, kBlockSize)) != digests[i]) {
      return not_right();
    }
  }
  std::ranges::copy(fetched, bytes.begin());
  return write(first, fetched);
}

Result<Bytes> Mending::mend(std::uint64_t first, std::span<const Sha256> digests) {
  Bytes bytes = MOSB_TRY(read(first, digests.size()));
  const auto is_bad = [&](std::size_t i) {
    return hash_block(salt_, std::span(bytes).subspan(i * kBlockSize, kBlockSize)) != digests[i];
  };
  for (std::size_t i = 0; i < digests.size();) {
    std::size_t end = i;
    while (end < digests.size() && is_bad(end)) {
      ++end;
    }
    if (end > i) {
      MOSB_CHECK(mend_run(first + i,
                          digests.subspan(i, end - i),
                          std::span(bytes).subspan(i * kBlockSize, (end - i) * kBlockSize)));
    }
    i = end + 1;
  }
  return bytes;
}

Result<std::vector<Sha256>> Mending::mend_level(const TreeLevel& level,
                                                const std::vector<Sha256>& digests,
                                                std::uint64_t blocks_below) {
  std::vector<Sha256> below;
  below.reserve(blocks_below);
  for (std::uint64_t i = 0; i < level.blocks; ++i) {
    const Bytes block = MOSB_TRY(mend(level.first_block + i, std::span(&digests[i], 1)));
    for (std::size_t slot = 0; slot < kDigestsPerBlock && below.size() < blocks_below; ++slot) {
      below.push_back(digest_at(block, slot));
    }
  }
  return below;
}

Status Mending::run(const RootHash& root_hash) {
  MOSB_CHECK(mend_top(root_hash));
  if (geometry_.levels.empty()) {
    return ok();
  }
  std::vector<Sha256> digests{root_hash.bytes()};
  for (std::size_t height = geometry_.levels.size(); height > 1; --height) {
    digests = MOSB_TRY(
        mend_level(geometry_.levels[height - 1], digests, geometry_.levels[height - 2].blocks));
  }
  // Below that, one leaf and its data blocks after the other: all digests of data blocks together
  // would be as large as the tree.
  for (std::uint64_t leaf = 0; leaf < geometry_.levels[0].blocks; ++leaf) {
    const std::uint64_t first = leaf * kDigestsPerBlock;
    const std::uint64_t blocks = std::min(kDigestsPerBlock, geometry_.data_blocks - first);
    const TreeLevel one{.first_block = geometry_.levels[0].first_block + leaf, .blocks = 1};
    const std::vector<Sha256> expected = MOSB_TRY(mend_level(one, {digests[leaf]}, blocks));
    MOSB_TRY(mend(first, expected));
  }
  return ok();
}

Result<MendedLayer> mend_file(const std::string& path,
                              ByteCount signed_size,
                              const RootHash& root_hash,
                              const ReadPart& read_part) {
  const Geometry geometry = MOSB_TRY(Geometry::of_layer_size(signed_size));
  const UniqueFd fd = MOSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK));
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), path));
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) != signed_size.value) {
    return Error(Errc::kVerity, "it is no regular file of the right size");
  }
  Mending mending(fd.get(), signed_size, geometry, read_part);
  const Status mended = mending.run(root_hash);
  // What was put right before an error is good, too.
  if (mending.done().blocks > 0 && ::fsync(fd.get()) < 0) {
    return Error::sys("fsync", errno);
  }
  MOSB_CHECK(mended);
  return mending.done();
}

}  // namespace

Result<MendedLayer> mend_layer_file(const std::string& path,
                                    ByteCount signed_size,
                                    const RootHash& root_hash,
                                    const ReadPart& read_part) {
  return mend_file(path, signed_size, root_hash, read_part).context("mend " + quote(path));
}

}  // namespace mosb::verity
