#include "mosb/trust/inspect.h"

#include "mosb/oci/media_types.h"
#include "mosb/trust/open_envelope.h"
#include "mosb/trust/signature_manifest.h"

namespace mosb::trust {

Result<std::vector<SignatureReport>> list_signatures(oci::Repository& repository,
                                                     const oci::Descriptor& subject,
                                                     std::size_t most) {
  std::vector<SignatureReport> reports;
  for (const oci::Descriptor& referrer :
       MOSB_TRY(repository.referrers(subject, oci::kNotarySignature))) {
    if (reports.size() == most) {
      break;
    }
    const AttachedSignature signature = MOSB_TRY(read_signature(repository, referrer));
    SignatureReport report{.digest = referrer.digest, .media_type = signature.media_type};
    report.outcome = Outcome::kSkipped;
    const auto envelope = open_envelope(signature);
    if (envelope) {
      describe_envelope(*envelope, report);
    } else {
      report.error = envelope.error().message();
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace mosb::trust
