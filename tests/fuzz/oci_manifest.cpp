#include "fuzz.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/root_hash.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const char* type : {oci::kImageManifest, oci::kDockerManifest}) {
    const auto manifest = oci::Manifest::parse(fuzz::text(data, size), type);
    if (!manifest) {
      continue;
    }
    const auto again = oci::Manifest::parse(manifest->print(), type);
    fuzz::require(again && *again == *manifest);
    (void)oci::require_mountable_image(*manifest);
    for (const oci::Descriptor& layer : manifest->layers) {
      const auto hash = oci::root_hash_annotation(layer);
      fuzz::require(!hash || hash->size() == 64);
    }
  }
  return 0;
}
