#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/filesystem.h"
#include "mosb/base/result.h"
#include "verity/block.h"
#include "verity/root_hash.h"

namespace mosb::verity {

/// A data block that cannot be given out.
struct BlockFault {
  enum class Kind {
    /// Its bytes, or the hash block above it, are not what was signed, or the file ends before it.
    kCorrupt,
    /// Reading the backing file failed.
    kUnreadable,
  };
  Kind kind;
  /// Index of the data block.
  std::uint64_t block;
};

/// Reads the data blocks of a layer file; every block given out was checked against the root hash
/// in the very buffer it is given out in, each time it is read. The file may change or fail under
/// it at any moment. Of a layer's dm-verity device the kernel has checked the blocks. One reader
/// belongs to one thread; fork() makes one for another.
class VerifiedReader {
 public:
  /// Checks superblock and all hash blocks above the lowest level, and that the data is the image
  /// of a file system that ends in its last block. `fd` is borrowed and read by pread(2) only.
  /// `signed_size` and `root_hash` must come from a verified manifest.
  /// Errors: kVerity; kInternal or kResource if the file cannot be read.
  static Result<VerifiedReader> open(int fd, ByteCount signed_size, const RootHash& root_hash);

  /// Reads from the layer's dm-verity device instead, which gives out no other bytes than those
  /// that were signed: whoever made the device vouches for its table. No hash is looked at here; a
  /// block that the kernel refuses is unreadable. Errors: kVerity for a device of another size.
  static Result<VerifiedReader> open_device(int fd, ByteCount signed_size);

  /// A reader of the same layer with a cache of its own.
  VerifiedReader fork() const;

  ByteCount data_size() const;
  /// Of a layer file; zeros of a device.
  const Salt& salt() const;
  /// What the data is, whatever anybody calls it.
  Filesystem filesystem() const;

  /// Fills `buffer`, whole blocks, from data block `first` on. After a fault its content must not
  /// be used. The caller keeps the range inside data_size().
  std::optional<BlockFault> read_blocks(std::uint64_t first, std::span<std::byte> buffer);

 private:
  struct Layer;
  /// A verified hash block of the lowest level.
  struct Leaf {
    std::uint64_t index;
    BlockBytes bytes;
  };

  explicit VerifiedReader(std::shared_ptr<const Layer> layer);
  /// Reads the first block, which says what file system it is.
  static Result<VerifiedReader> of_layer(Layer opened);
  std::optional<BlockFault::Kind> load_leaf(std::uint64_t index, Leaf& leaf) const;
  std::optional<BlockFault> check(std::uint64_t block, std::span<const std::byte> bytes);
  std::optional<BlockFault> read_checked(std::uint64_t first, std::span<std::byte> buffer) const;

  std::shared_ptr<const Layer> layer_;
  std::vector<Leaf> leaves_;
};

}  // namespace mosb::verity
