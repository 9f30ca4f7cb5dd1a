#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>

namespace mosb::verity {

/// A decompressed block; `owner` keeps the bytes alive.
struct CachedBlock {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};

/// Recently used blocks by their place in the image. Safe to share among threads: a block that two
/// ask for at the same time is made once.
class BlockCache {
 public:
  /// Returns a block without owner if that failed; then nothing is kept.
  using Load = std::function<CachedBlock()>;

  explicit BlockCache(std::size_t capacity) : capacity_(capacity) {}
  CachedBlock get(std::uint64_t place, const Load& load);

 private:
  struct Entry {
    std::uint64_t place;
    bool loading;
    CachedBlock block;
  };
  using Entries = std::list<Entry>;

  Entries::iterator find(std::uint64_t place);
  void evict();

  std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable loaded_;
  /// The most recently used first.
  Entries entries_;
};

}  // namespace mosb::verity
