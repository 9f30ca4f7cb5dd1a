#include "mosb/base/rfc3339.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto time = parse_rfc3339(fuzz::text(data, size));
  if (time) {
    const auto again = parse_rfc3339(to_rfc3339(*time));
    fuzz::require(again && *again == *time);
  }
  return 0;
}
