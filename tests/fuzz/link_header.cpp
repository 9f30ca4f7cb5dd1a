#include "mosb/oci/link_header.h"

#include <string>

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)oci::next_link({std::string(fuzz::text(data, size))});
  return 0;
}
