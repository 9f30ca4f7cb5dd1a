#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <set>

#include "verity/verified_reader.h"

namespace mosb::verity {

/// The status file of a layer server: one line "corrupt block N" or "unreadable block N" for each
/// data block that could not be given out, each once, at most kMaxLines in all. Safe to share
/// among threads.
class FaultLog {
 public:
  static constexpr std::size_t kMaxLines = 1000;

  /// `fd` is borrowed and open for appending; -1: no file, only first().
  explicit FaultLog(int fd) : fd_(fd) {}
  void record(const BlockFault& fault);
  std::optional<BlockFault> first() const;

 private:
  int fd_;
  mutable std::mutex mutex_;
  std::optional<BlockFault> first_;
  std::set<std::uint64_t> recorded_;
};

}  // namespace mosb::verity
