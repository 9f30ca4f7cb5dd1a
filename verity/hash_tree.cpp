#include "verity/hash_tree.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>

#include "mosb/base/digest.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/geometry.h"
#include "verity/layer_filesystem.h"
#include "verity/parallel.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

namespace {

/// Data blocks that are read and hashed at a time: what one hash block stands for.
constexpr std::size_t kChunkSize = kDigestsPerBlock * kBlockSize;

off_t offset_of(std::uint64_t block) {
  return static_cast<off_t>(block * kBlockSize);
}

Sha256 digest_of(std::string_view domain, std::span<const std::byte> a, std::uint64_t b) {
  Hasher hasher;
  hasher.update(domain);
  hasher.update(a);
  hasher.update(std::to_string(b));
  return hasher.finish().bytes();
}

/// The salt makes digests of equal blocks in different images differ; it is no secret, so the
/// start of the image, which counts and dates everything in it, is enough to derive it from.
Salt derive_salt(std::span<const std::byte> first_block, std::uint64_t data_blocks) {
  return digest_of("mosb verity salt\n", first_block, data_blocks);
}

Uuid derive_uuid(const RootHash& root_hash, std::uint64_t data_blocks) {
  const Sha256 digest = digest_of("mosb verity uuid\n", root_hash.bytes(), data_blocks);
  Uuid uuid{};
  std::copy_n(digest.begin(), uuid.size(), uuid.begin());
  // RFC 9562: version 8 (vendor-specific), variant 10.
  uuid[6] = (uuid[6] & std::byte{0x0f}) | std::byte{0x80};
  uuid[8] = (uuid[8] & std::byte{0x3f}) | std::byte{0x80};
  return uuid;
}

void set_digest(std::span<std::byte> hash_block, std::uint64_t slot, const Sha256& digest) {
  std::ranges::copy(digest, hash_block.subspan(slot * kSha256Size, kSha256Size).begin());
}

Error became_shorter() {
  return Error(Errc::kVerity, "the file became shorter while it was read");
}

struct Tree {
  int fd;
  const Geometry& geometry;
  const Salt& salt;
};

/// Hashes the data blocks below one hash block of the lowest level and writes it; returns its
/// digest. `chunk` has kChunkSize bytes.
Result<Sha256> write_leaf(const Tree& tree, std::uint64_t index, std::span<std::byte> chunk) {
  const std::uint64_t first = index * kDigestsPerBlock;
  const std::uint64_t count =
      std::min<std::uint64_t>(kDigestsPerBlock, tree.geometry.data_blocks - first);
  const std::span<std::byte> data = chunk.first(count * kBlockSize);
  if (MOSB_TRY(sys::pread(tree.fd, data, offset_of(first))) != data.size()) {
    return became_shorter();
  }
  BlockBytes block{};
  for (std::uint64_t slot = 0; slot < count; ++slot) {
    set_digest(block, slot, hash_block(tree.salt, data.subspan(slot * kBlockSize, kBlockSize)));
  }
  MOSB_CHECK(
      sys::pwrite_all(tree.fd, block, offset_of(tree.geometry.levels[0].first_block + index)));
  return hash_block(tree.salt, block);
}

/// Hashes all data blocks and writes the lowest level; returns the digests of its blocks.
Result<std::vector<Sha256>> write_lowest_level(const Tree& tree) {
  std::vector<Sha256> digests(tree.geometry.levels[0].blocks);
  Status status = for_each_parallel(digests.size(), [&] {
    return [&, chunk = std::vector<std::byte>(kChunkSize)](std::uint64_t index) mutable -> Status {
      digests[index] = MOSB_TRY(write_leaf(tree, index, chunk));
      return ok();
    };
  });
  if (!status) {
    return std::move(status).error();
  }
  return digests;
}

/// Writes one level above the lowest; returns the digests of its blocks.
Result<std::vector<Sha256>> write_level(const Tree& tree,
                                        const TreeLevel& level,
                                        const std::vector<Sha256>& below) {
  std::vector<Sha256> digests;
  for (std::uint64_t index = 0; index < level.blocks; ++index) {
    BlockBytes block{};
    for (std::uint64_t slot = 0; slot < kDigestsPerBlock; ++slot) {
      const std::uint64_t child = index * kDigestsPerBlock + slot;
      if (child < below.size()) {
        set_digest(block, slot, below[child]);
      }
    }
    digests.push_back(hash_block(tree.salt, block));
    MOSB_CHECK(sys::pwrite_all(tree.fd, block, offset_of(level.first_block + index)));
  }
  return digests;
}

Result<RootHash> write_tree(const Tree& tree) {
  if (tree.geometry.levels.empty()) {
    BlockBytes block;
    if (MOSB_TRY(sys::pread(tree.fd, block, 0)) != block.size()) {
      return became_shorter();
    }
    return RootHash(hash_block(tree.salt, block));
  }
  std::vector<Sha256> digests = MOSB_TRY(write_lowest_level(tree));
  for (std::size_t height = 1; height < tree.geometry.levels.size(); ++height) {
    digests = MOSB_TRY(write_level(tree, tree.geometry.levels[height], digests));
  }
  return RootHash(digests[0]);
}

/// The image of a file system, padded to whole blocks.
struct PaddedImage {
  UniqueFd fd;
  Geometry geometry;
  BlockBytes first_block;
};

Result<PaddedImage> open_and_pad(const std::string& path) {
  UniqueFd fd = MOSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK));
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), path));
  if (!S_ISREG(st.st_mode)) {
    return Error(Errc::kVerity, "not a regular file");
  }
  const auto size = static_cast<std::uint64_t>(st.st_size);
  const std::uint64_t blocks = (size + kBlockSize - 1) / kBlockSize;
  BlockBytes first{};
  MOSB_CHECK(sys::pread(fd.get(), first, 0));
  MOSB_TRY(identify_filesystem(first, ByteCount{blocks * kBlockSize}));
  if (blocks >= kMaxLayerSize.value / kBlockSize) {
    return Error(Errc::kVerity, "too large for a layer");
  }
  const std::vector<std::byte> zeros(blocks * kBlockSize - size);
  MOSB_CHECK(sys::pwrite_all(fd.get(), zeros, st.st_size));
  return PaddedImage{
      .fd = std::move(fd), .geometry = Geometry::of_data_blocks(blocks), .first_block = first};
}

/// nullopt for the UUID derives it from the root hash.
Result<HashTreeResult> append(const PaddedImage& image,
                              const std::string& path,
                              const Salt& salt,
                              const std::optional<Uuid>& uuid) {
  const Geometry& geometry = image.geometry;
  const int fd = image.fd.get();
  const RootHash root_hash =
      MOSB_TRY(write_tree(Tree{.fd = fd, .geometry = geometry, .salt = salt}));
  const Superblock superblock{.data_blocks = geometry.data_blocks,
                              .salt = salt,
                              .uuid = uuid.value_or(derive_uuid(root_hash, geometry.data_blocks))};
  MOSB_CHECK(sys::pwrite_all(fd, superblock.print(), offset_of(geometry.superblock_block())));
  MOSB_CHECK(sys::fsync(fd, path));
  return HashTreeResult{.root_hash = root_hash, .file_size = geometry.layer_size()};
}

Error bad_block(const BlockFault& fault) {
  const std::string block = "data block " + std::to_string(fault.block);
  return fault.kind == BlockFault::Kind::kCorrupt
             ? Error(Errc::kVerity, block + " does not match the root hash")
             : Error(Errc::kVerity, block + " cannot be read");
}

Status verify_all_blocks(const VerifiedReader& reader) {
  const std::uint64_t blocks = reader.data_size().value / kBlockSize;
  const std::uint64_t chunks = (blocks + kDigestsPerBlock - 1) / kDigestsPerBlock;
  return for_each_parallel(chunks, [&] {
    return [blocks, own = reader.fork(), chunk = std::vector<std::byte>(kChunkSize)](
               std::uint64_t index) mutable -> Status {
      const std::uint64_t first = index * kDigestsPerBlock;
      const std::uint64_t count = std::min<std::uint64_t>(kDigestsPerBlock, blocks - first);
      if (const auto fault = own.read_blocks(first, std::span(chunk).first(count * kBlockSize))) {
        return bad_block(*fault);
      }
      return ok();
    };
  });
}

/// What the threads of find_bad_blocks() have found.
class BlockSearch {
 public:
  BlockSearch(std::size_t most, const Deadline& deadline) : most_(most), deadline_(deadline) {}

  /// Whether another chunk shall be read. Chunks come in rising order, so none that is left out has
  /// a lower block than those found.
  bool goes_on() {
    const std::lock_guard lock(mutex_);
    found_.complete = found_.complete && !deadline_.over();
    return found_.complete && found_.blocks.size() < most_;
  }
  void add(std::uint64_t block) {
    const std::lock_guard lock(mutex_);
    found_.blocks.push_back(block);
  }
  FoundBlocks end() && {
    std::ranges::sort(found_.blocks);
    found_.blocks.resize(std::min(found_.blocks.size(), most_));
    return std::move(found_);
  }

 private:
  std::mutex mutex_;
  std::size_t most_;
  const Deadline& deadline_;
  FoundBlocks found_;
};

/// `chunk`: room for them all.
void search_blocks(VerifiedReader& reader,
                   std::uint64_t first,
                   std::uint64_t count,
                   std::span<std::byte> chunk,
                   BlockSearch& search) {
  if (!reader.read_blocks(first, chunk.first(count * kBlockSize))) {
    return;
  }
  for (std::uint64_t block = first; block < first + count; ++block) {
    if (reader.read_blocks(block, chunk.first(kBlockSize))) {
      search.add(block);
    }
  }
}

}  // namespace

Result<HashTreeResult> append_hash_tree(const std::string& path) {
  const std::string what = "append a hash tree to " + quote(path);
  const PaddedImage image = MOSB_TRY(open_and_pad(path).context(what));
  const Salt salt = derive_salt(image.first_block, image.geometry.data_blocks);
  return append(image, path, salt, std::nullopt).context(what);
}

Result<HashTreeResult> append_hash_tree(const std::string& path,
                                        const Salt& salt,
                                        const Uuid& uuid) {
  const std::string what = "append a hash tree to " + quote(path);
  const PaddedImage image = MOSB_TRY(open_and_pad(path).context(what));
  return append(image, path, salt, uuid).context(what);
}

Status verify_layer_file(const LayerSource& layer) {
  const std::string what = "verify the blocks of " + quote(layer.blob_path);
  const UniqueFd fd =
      MOSB_TRY(sys::open(layer.blob_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).context(what));
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), layer.blob_path).context(what));
  if (!S_ISREG(st.st_mode)) {
    return Error(Errc::kVerity, "not a regular file").context(what);
  }
  const VerifiedReader reader =
      MOSB_TRY(VerifiedReader::open(fd.get(), layer.size, layer.root_hash).context(what));
  MOSB_CHECK(require_filesystem(reader.filesystem(), layer.filesystem).context(what));
  return verify_all_blocks(reader).context(what);
}

Result<FoundBlocks> find_bad_blocks(const LayerSource& layer,
                                    std::size_t most,
                                    const Deadline& deadline) {
  const std::string what = "look for bad blocks of " + quote(layer.blob_path);
  const UniqueFd fd =
      MOSB_TRY(sys::open(layer.blob_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).context(what));
  const VerifiedReader reader =
      MOSB_TRY(VerifiedReader::open(fd.get(), layer.size, layer.root_hash).context(what));
  const std::uint64_t blocks = reader.data_size().value / kBlockSize;
  const std::uint64_t chunks = (blocks + kDigestsPerBlock - 1) / kDigestsPerBlock;
  BlockSearch search(most, deadline);
  MOSB_CHECK(for_each_parallel(chunks, [&] {
    return [&search, blocks, own = reader.fork(), chunk = std::vector<std::byte>(kChunkSize)](
               std::uint64_t index) mutable -> Status {
      const std::uint64_t first = index * kDigestsPerBlock;
      if (search.goes_on()) {
        search_blocks(own, first, std::min(kDigestsPerBlock, blocks - first), chunk, search);
      }
      return ok();
    };
  }));
  return std::move(search).end();
}

}  // namespace mosb::verity
