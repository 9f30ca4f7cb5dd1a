#include <utility>

#include "mosb/trust/verify.h"

namespace mosb::trust {

/// The only maker of Verified values.
class Admission {
 public:
  static Result<AdmittedManifest> admit(const std::string& bytes,
                                        const oci::Descriptor& subject,
                                        VerificationReport report) {
    oci::Manifest manifest = MOSB_TRY(oci::Manifest::parse(bytes, subject.media_type));
    return AdmittedManifest{Verified<oci::Manifest>(std::move(manifest)), std::move(report)};
  }
};

Result<AdmittedManifest> admit(oci::Repository& repository,
                               const VerifyRequest& request,
                               const NotationConfig& config,
                               const Clock& clock) {
  // Signatures name the digest, and these bytes have that digest: no second look at the repository
  // could give others.
  const std::string bytes = MOSB_TRY(repository.read_manifest(request.subject));
  Verification verification = MOSB_TRY(verify(repository, request, config, clock));
  if (verification.refusal) {
    return *std::move(verification.refusal);
  }
  return Admission::admit(bytes, request.subject, std::move(verification.report));
}

Result<AdmittedManifest> admit_unverified(oci::Repository& repository,
                                          const oci::Descriptor& subject) {
  const std::string bytes = MOSB_TRY(repository.read_manifest(subject));
  VerificationReport report;
  report.outcome = Outcome::kSkipped;
  report.policy = "insecure-skip-signature";
  report.level = "skip";
  report.warnings = {"signatures were not looked at (--insecure-skip-signature)"};
  return Admission::admit(bytes, subject, std::move(report));
}

}  // namespace mosb::trust
