#include "mosb/trust/crl.h"

#include <chrono>

#include "fuzz.h"
#include "fuzz_root.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const trust::Certificate root = fuzz::make_root();
  const auto crl = trust::Crl::parse(fuzz::bytes(data, size));
  if (crl) {
    (void)crl->entries_of(root);
    (void)crl->check_base();
    (void)crl->check_delta_of(*crl);
    // Nobody has the root's key.
    fuzz::require(!crl->check(root, root, SystemTime()));
  }
  return 0;
}
