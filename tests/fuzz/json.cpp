#include "mosb/base/json.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = json::parse(fuzz::text(data, size), ByteCount{1 * kMiB});
  if (parsed) {
    const auto again = json::parse(parsed->dump(), ByteCount{16 * kMiB});
    fuzz::require(again && *again == *parsed);
  }
  return 0;
}
