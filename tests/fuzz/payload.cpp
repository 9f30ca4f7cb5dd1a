#include "mosb/trust/payload.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto payload = trust::parse_payload(fuzz::text(data, size));
  if (payload) {
    const std::string printed = trust::print_payload(*payload);
    const auto again = trust::parse_payload(printed);
    fuzz::require(again && trust::print_payload(*again) == printed);
  }
  return 0;
}
