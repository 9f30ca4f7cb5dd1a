#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mosb/base/result.h"
#include "verity/fault_log.h"
#include "verity/page_buffer.h"
#include "verity/verified_reader.h"

namespace mosb::verity {

/// Reads any range of a layer's data, and keeps many blocks: for structures that refer to one
/// another all over the image (VerifiedWindow is for ranges that follow one another).
class VerifiedBlocks {
 public:
  /// Errors: kResource.
  static Result<VerifiedBlocks> make(const VerifiedReader& reader, FaultLog& faults);
  ByteCount size() const { return reader_.data_size(); }
  /// Fills all of `out`. False if it does not lie in the data or a block of it is bad; the latter
  /// is in the log then.
  bool read(std::uint64_t offset, std::span<std::byte> out);

 private:
  VerifiedBlocks(VerifiedReader reader, FaultLog& faults, PageBuffer buffer);
  /// Empty if the block is bad.
  std::span<const std::byte> block(std::uint64_t number);

  VerifiedReader reader_;
  FaultLog* faults_;
  PageBuffer buffer_;
  /// Which block each slot of the buffer has; a block has one slot that it can be in.
  std::vector<std::uint64_t> kept_;
};

}  // namespace mosb::verity
