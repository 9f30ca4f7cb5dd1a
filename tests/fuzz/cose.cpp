#include "fuzz.h"
#include "mosb/trust/cose_envelope.h"
#include "mosb/trust/payload.h"
#include "mosb/trust/signature_envelope.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto envelope = trust::parse_cose(fuzz::text(data, size));
  if (envelope) {
    (void)trust::parse_payload(envelope->payload);
    (void)trust::check_integrity(*envelope);
  }
  return 0;
}
