#include "mosb/trust/certificate.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)trust::Certificate::from_der(fuzz::bytes(data, size));
  const auto certificates = trust::Certificate::from_file_bytes(fuzz::text(data, size));
  if (certificates) {
    fuzz::require(!certificates->empty());
    for (const trust::Certificate& certificate : *certificates) {
      const auto again = trust::Certificate::from_file_bytes(certificate.to_pem());
      fuzz::require(again && again->size() == 1 && again->front() == certificate);
      (void)certificate.check_signed_by(certificates->front());
    }
  }
  return 0;
}
