#include "mosb/oci/reference.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reference = oci::Reference::parse(fuzz::text(data, size));
  if (reference) {
    const auto again = oci::Reference::parse(reference->str());
    fuzz::require(again && *again == *reference && again->str() == reference->str());
  }
  return 0;
}
