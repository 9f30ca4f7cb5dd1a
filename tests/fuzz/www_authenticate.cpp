#include "mosb/oci/www_authenticate.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto challenges = oci::parse_www_authenticate(fuzz::text(data, size));
  if (challenges) {
    for (const oci::Challenge& challenge : *challenges) {
      fuzz::require(!challenge.scheme.empty());
    }
  }
  return 0;
}
