#include <algorithm>

#include "fuzz.h"
#include "verity/superblock.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  verity::BlockBytes block{};
  const auto input = fuzz::bytes(data, std::min(size, block.size()));
  std::copy(input.begin(), input.end(), block.begin());
  const auto superblock = verity::Superblock::parse(block);
  if (superblock) {
    fuzz::require(superblock->print() == block);
  }
  return 0;
}
