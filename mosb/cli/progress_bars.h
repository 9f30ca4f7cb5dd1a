#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "mosb/base/byte_count.h"

namespace mosb::cli {

/// A bar per blob that is fetched, one below the other, as text for a terminal. Pure: the time is
/// given, and what to write comes back.
class ProgressBars {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `blob` has come so far. The value: what to write to show it, or "" if it is too soon to.
  std::string update(const std::string& blob, ByteCount done, ByteCount total, Time now);

 private:
  struct Bar {
    std::string blob;
    ByteCount done;
    ByteCount total;
    Time started;
    Time ended;
    bool finished() const { return done.value == total.value; }
  };
  static std::string line(const Bar& bar, Time now);

  std::vector<Bar> bars_;
  /// Lines on the terminal that still change, the cursor below them.
  std::size_t shown_ = 0;
  Time drawn_;
};

}  // namespace mosb::cli
