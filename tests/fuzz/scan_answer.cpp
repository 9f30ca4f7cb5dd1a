#include <array>

#include "fuzz.h"
#include "verity/block_owner.h"
#include "verity/layer_scan.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const auto scan = verity::parse_scan_answer(text);
  if (scan) {
    // There is one way to say it.
    fuzz::require(verity::passed_answer(*scan) == text);
  } else {
    fuzz::require(scan.error().code() == Errc::kVerity || scan.error().code() == Errc::kHost);
  }
  constexpr std::array<std::uint64_t, 2> kBlocks{0, 12};
  const auto owners = verity::parse_located_answer(text, kBlocks);
  if (owners) {
    fuzz::require(owners->size() == kBlocks.size() && verity::located_answer(*owners) == text);
  }
  return 0;
}
