#include "verity/verified_window.h"

#include <algorithm>
#include <utility>

namespace mosb::verity {

namespace {

std::uint64_t blocks_over(std::uint64_t bytes) {
  return (bytes + kBlockSize - 1) / kBlockSize;
}

}  // namespace

Result<VerifiedWindow> VerifiedWindow::make(const VerifiedReader& reader,
                                            FaultLog& faults,
                                            std::size_t largest,
                                            std::size_t least) {
  // A range that starts and ends within blocks touches one more than its size says.
  const std::uint64_t blocks = blocks_over(std::max(largest, least)) + 1;
  PageBuffer buffer = MOSB_TRY(PageBuffer::make(blocks * kBlockSize));
  return VerifiedWindow(reader.fork(), faults, std::move(buffer), least);
}

VerifiedWindow::VerifiedWindow(VerifiedReader reader,
                               FaultLog& faults,
                               PageBuffer buffer,
                               std::size_t least)
    : reader_(std::move(reader)),
      faults_(&faults),
      buffer_(std::move(buffer)),
      least_blocks_(blocks_over(least)) {}

bool VerifiedWindow::holds(std::uint64_t first, std::uint64_t blocks) const {
  return first >= first_ && first + blocks <= first_ + blocks_;
}

bool VerifiedWindow::load(std::uint64_t first, std::uint64_t blocks) {
  blocks_ = 0;
  const std::uint64_t all = reader_.data_size().value / kBlockSize;
  const std::uint64_t wanted = std::min(std::max(blocks, least_blocks_), all - first);
  const std::span<std::byte> bytes = buffer_.bytes();
  auto fault = reader_.read_blocks(first, bytes.first(wanted * kBlockSize));
  blocks_ = wanted;
  if (fault && wanted > blocks) {
    // The bad block may be one that nobody asked for.
    fault = reader_.read_blocks(first, bytes.first(blocks * kBlockSize));
    blocks_ = blocks;
  }
  if (fault) {
    faults_->record(*fault);
    blocks_ = 0;
    return false;
  }
  first_ = first;
  return true;
}

bool VerifiedWindow::read(std::uint64_t offset, std::span<std::byte> out) {
  const std::uint64_t size = reader_.data_size().value;
  if (offset > size || out.size() > size - offset) {
    return false;
  }
  if (out.empty()) {
    return true;
  }
  const std::uint64_t first = offset / kBlockSize;
  const std::uint64_t blocks = blocks_over(offset + out.size()) - first;
  if (blocks * kBlockSize > buffer_.bytes().size()) {
    return false;
  }
  if (!holds(first, blocks) && !load(first, blocks)) {
    return false;
  }
  std::ranges::copy(buffer_.bytes().subspan(offset - first_ * kBlockSize, out.size()), out.begin());
  return true;
}

}  // namespace mosb::verity
