#include "verity/verified_blocks.h"

#include <algorithm>
#include <utility>

#include "verity/block.h"

namespace mosb::verity {

namespace {

/// 64 MiB: the metadata of a million files. Takes up room only as far as it is used.
constexpr std::size_t kSlots = 16'384;
constexpr std::uint64_t kNone = UINT64_MAX;

}  // namespace

Result<VerifiedBlocks> VerifiedBlocks::make(const VerifiedReader& reader, FaultLog& faults) {
  PageBuffer buffer = MOSB_TRY(PageBuffer::make(kSlots * kBlockSize));
  return VerifiedBlocks(reader.fork(), faults, std::move(buffer));
}

VerifiedBlocks::VerifiedBlocks(VerifiedReader reader, FaultLog& faults, PageBuffer buffer)
    : reader_(std::move(reader)),
      faults_(&faults),
      buffer_(std::move(buffer)),
      kept_(kSlots, kNone) {}

std::span<const std::byte> VerifiedBlocks::block(std::uint64_t number) {
  const std::size_t slot = number % kSlots;
  const std::span<std::byte> bytes = buffer_.bytes().subspan(slot * kBlockSize, kBlockSize);
  if (kept_[slot] != number) {
    kept_[slot] = kNone;
    if (const auto fault = reader_.read_blocks(number, bytes)) {
      faults_->record(*fault);
      return {};
    }
    kept_[slot] = number;
  }
  return bytes;
}

bool VerifiedBlocks::read(std::uint64_t offset, std::span<std::byte> out) {
  const std::uint64_t all = size().value;
  if (offset > all || out.size() > all - offset) {
    return false;
  }
  while (!out.empty()) {
    const std::span<const std::byte> from = block(offset / kBlockSize);
    if (from.empty()) {
      return false;
    }
    const std::size_t begin = offset % kBlockSize;
    const std::size_t part = std::min(out.size(), kBlockSize - begin);
    std::ranges::copy(from.subspan(begin, part), out.begin());
    out = out.subspan(part);
    offset += part;
  }
  return true;
}

}  // namespace mosb::verity
