#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mosb {

/// A moment by which something must have happened, whatever number of steps it takes.
class Deadline {
 public:
  static Deadline in(std::chrono::milliseconds time) {
    return Deadline(std::chrono::steady_clock::now() + time);
  }
  bool over() const { return std::chrono::steady_clock::now() >= end_; }
  std::chrono::milliseconds left() const {
    return std::max(
        std::chrono::ceil<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now()),
        std::chrono::milliseconds(0));
  }
  /// For poll(2).
  int poll_ms() const {
    constexpr std::int64_t kMost = 1'000'000'000;
    return static_cast<int>(std::min<std::int64_t>(left().count(), kMost));
  }

 private:
  explicit Deadline(std::chrono::steady_clock::time_point end) : end_(end) {}
  std::chrono::steady_clock::time_point end_;
};

}  // namespace mosb
