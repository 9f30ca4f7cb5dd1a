#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "verity/fuse_connection.h"

namespace mosb::verity {

/// Notices that a worker has been at one request for too long, for example because the backing
/// disk does not answer. Sleeps for good while nothing is asked. Time during which the whole
/// process was stopped does not count.
class Watchdog {
 public:
  Watchdog(unsigned workers, std::chrono::milliseconds tick, unsigned patience_ticks);
  FuseObserver& worker(unsigned index) { return *workers_[index]; }
  /// Returns when a worker is stuck.
  void wait_until_stuck();

 private:
  class Worker final : public FuseObserver {
   public:
    explicit Worker(std::atomic<bool>& parked) : parked_(parked) {}
    void begin() override;
    void end() override { ++count_; }
    /// Odd while at a request; each request has its own value.
    std::uint64_t count() const { return count_; }

   private:
    std::atomic<std::uint64_t> count_{0};
    std::atomic<bool>& parked_;
  };

  void park_while_idle();
  bool any_busy() const;

  std::chrono::milliseconds tick_;
  unsigned patience_;
  std::atomic<bool> parked_{false};
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace mosb::verity
