#include "fuzz.h"
#include "mosb/oci/image_config.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = oci::ImageConfig::parse(fuzz::text(data, size));
  if (config) {
    const auto again = oci::ImageConfig::parse(config->print());
    fuzz::require(again && *again == *config);
  }
  return 0;
}
