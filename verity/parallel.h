#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::verity {

/// Runs `make_worker()(i)` for each i in [0, count) on `most_threads` threads, as many as there are
/// processors unless said otherwise; each thread makes one worker and gives it items in rising
/// order. After a failure no item above the failed one is started; the error of the lowest failed
/// item is returned.
template <class MakeWorker>
Status for_each_parallel(std::uint64_t count,
                         const MakeWorker& make_worker,
                         unsigned most_threads = std::thread::hardware_concurrency()) {
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  std::uint64_t failed_at = count;
  std::optional<Error> failure;
  const auto run = [&] {
    auto worker = make_worker();
    for (std::uint64_t i = next++; i < count; i = next++) {
      Status status = worker(i);
      if (!status) {
        const std::lock_guard lock(mutex);
        if (i < failed_at) {
          failed_at = i;
          failure = std::move(status).error();
        }
        next = count;
        return;
      }
    }
  };
  const std::uint64_t threads = std::min<std::uint64_t>(std::max(most_threads, 1U), count);
  std::vector<std::jthread> others;
  for (std::uint64_t i = 1; i < threads; ++i) {
    others.emplace_back(run);
  }
  run();
  others.clear();
  if (failure) {
    return *std::move(failure);
  }
  return ok();
}

}  // namespace mosb::verity
