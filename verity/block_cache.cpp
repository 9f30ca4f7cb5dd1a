#include "verity/block_cache.h"

#include <algorithm>

namespace mosb::verity {

BlockCache::Entries::iterator BlockCache::find(std::uint64_t place) {
  return std::ranges::find(entries_, place, &Entry::place);
}

void BlockCache::evict() {
  std::size_t held = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    held += entry->block.bytes.size();
    // The newest one stays whatever its size; those still loading are their loaders'.
    if (held > capacity_ && !entry->loading && entry != entries_.begin()) {
      held -= entry->block.bytes.size();
      entry = entries_.erase(entry);
    } else {
      ++entry;
    }
  }
}

CachedBlock BlockCache::get(std::uint64_t place, const Load& load) {
  std::unique_lock lock(mutex_);
  auto entry = find(place);
  while (entry != entries_.end() && entry->loading) {
    loaded_.wait(lock);
    entry = find(place);
  }
  if (entry != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, entry);
    return entry->block;
  }
  entries_.push_front({.place = place, .loading = true, .block = {}});
  entry = entries_.begin();
  lock.unlock();
  const CachedBlock block = load();
  lock.lock();
  if (block.owner == nullptr) {
    entries_.erase(entry);
  } else {
    entry->block = block;
    entry->loading = false;
    evict();
  }
  loaded_.notify_all();
  return block;
}

}  // namespace mosb::verity
