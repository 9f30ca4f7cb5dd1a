#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mosb/base/result.h"
#include "verity/fault_log.h"
#include "verity/page_buffer.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

/// Reads any range of a layer's data, not just whole blocks. Keeps the last blocks read, so that
/// what lies close together is checked once.
class VerifiedWindow {
 public:
  /// At most `largest` bytes can be asked for; at least `least` bytes around them are read.
  /// Errors: kResource.
  static Result<VerifiedWindow> make(const VerifiedReader& reader,
                                     FaultLog& faults,
                                     std::size_t largest,
                                     std::size_t least);
  /// Fills all of `out`. False if it does not lie in the data or a block of it is bad; the latter
  /// is in the log then.
  bool read(std::uint64_t offset, std::span<std::byte> out);

 private:
  VerifiedWindow(VerifiedReader reader, FaultLog& faults, PageBuffer buffer, std::size_t least);
  bool holds(std::uint64_t first, std::uint64_t blocks) const;
  bool load(std::uint64_t first, std::uint64_t blocks);

  VerifiedReader reader_;
  FaultLog* faults_;
  PageBuffer buffer_;
  std::uint64_t least_blocks_;
  std::uint64_t first_ = 0;
  std::uint64_t blocks_ = 0;
};

}  // namespace mosb::verity
