#include "mosb/trust/distinguished_name.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto name = trust::DistinguishedName::parse(fuzz::text(data, size));
  if (name) {
    fuzz::require(name->is_subset_of(*name));
    const auto again = trust::DistinguishedName::from_attributes(name->attributes());
    fuzz::require(again && again->attributes() == name->attributes());
  }
  return 0;
}
