#include "mosb/oci/auth_file.h"

#include <string>

#include <unistd.h>

#include "fuzz.h"
#include "mosb/base/sys.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int kFile = sys::memfd("auth")->release();
  fuzz::require(::ftruncate(kFile, 0) == 0);
  fuzz::require(sys::pwrite_all(kFile, fuzz::bytes(data, size), 0).has_value());
  (void)oci::find_credentials(
      "registry.example:5000", "a/b", {"/proc/self/fd/" + std::to_string(kFile)});
  return 0;
}
