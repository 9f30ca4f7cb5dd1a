#include "mosb/trust/payload.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto payload = trust::parse_payload(fuzz::text(data, size));
  if (payload) {
    for (const auto format : {trust::EnvelopeFormat::kJws, trust::EnvelopeFormat::kCose}) {
      const std::string printed = trust::print_payload(*payload, format);
      const auto again = trust::parse_payload(printed);
      fuzz::require(again && trust::print_payload(*again, format) == printed);
    }
  }
  return 0;
}
