#include "fuzz.h"
#include "fuzz_root.h"
#include "mosb/trust/ocsp.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const trust::Certificate root = fuzz::make_root();
  // Nobody has the root's key.
  fuzz::require(!trust::read_ocsp_response(fuzz::bytes(data, size), root, root, SystemTime()));
  return 0;
}
