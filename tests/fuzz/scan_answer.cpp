#include "fuzz.h"
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
  return 0;
}
