#include "fuzz.h"
#include "mosb/oci/index.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const char* type : {oci::kImageIndex, oci::kDockerManifestList}) {
    const auto index = oci::Index::parse(fuzz::text(data, size), type);
    if (index) {
      const auto again = oci::Index::parse(index->print(), type);
      fuzz::require(again && *again == *index);
      (void)choose_platform(*index, oci::Platform::host());
    }
  }
  return 0;
}
