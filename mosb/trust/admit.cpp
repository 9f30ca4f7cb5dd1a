#include <utility>

#include "mosb/oci/index.h"
#include "mosb/trust/verify.h"

namespace mosb::trust {

namespace {

/// Whether the index, or one that it lists, lists the manifest. Every index's bytes are checked
/// against the digest by which the one above names it.
Result<bool> lists(oci::Repository& repository,
                   const oci::Descriptor& index,
                   const oci::Descriptor& manifest,
                   int depth) {
  const std::string bytes = MOSB_TRY(repository.read_manifest(index));
  for (const oci::Descriptor& entry :
       MOSB_TRY(oci::Index::parse(bytes, index.media_type)).manifests) {
    if (oci::same_content(entry, manifest)) {
      return true;
    }
    if (depth == 0 && oci::is_index_type(entry.media_type)) {
      const auto nested = lists(repository, entry, manifest, depth + 1);
      if (nested && *nested) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

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

Result<AdmittedManifest> admit_from_index(oci::Repository& repository,
                                          const VerifyRequest& request,
                                          const oci::Descriptor& manifest,
                                          const NotationConfig& config,
                                          const Clock& clock) {
  if (!MOSB_TRY(lists(repository, request.subject, manifest, 0))) {
    return Error(
        Errc::kContent,
        "index " + request.subject.digest.str() + " does not list " + manifest.digest.str());
  }
  Verification verification = MOSB_TRY(verify(repository, request, config, clock));
  if (verification.refusal) {
    return *std::move(verification.refusal);
  }
  const std::string bytes = MOSB_TRY(repository.read_manifest(manifest));
  return Admission::admit(bytes, manifest, std::move(verification.report));
}

Result<AdmittedManifest> admit_chosen(oci::Repository& repository,
                                      const VerifyRequest& request,
                                      const std::optional<oci::Descriptor>& index,
                                      const NotationConfig& config,
                                      const Clock& clock) {
  if (!index) {
    return admit(repository, request, config, clock);
  }
  VerifyRequest signed_index = request;
  signed_index.subject = oci::bare(*index);
  auto by_index = admit_from_index(repository, signed_index, request.subject, config, clock);
  if (by_index) {
    return by_index;
  }
  auto by_itself = admit(repository, request, config, clock);
  if (by_itself || by_itself.error().code() != Errc::kSignature) {
    return by_itself;
  }
  // An index that is lost or damaged says nothing about its signatures.
  if (auto bytes = repository.read_manifest(signed_index.subject); !bytes) {
    return std::move(bytes).error().context("read its index");
  }
  // Whoever signed the index must read why that did not count.
  return std::move(by_itself).context("its index does not count (" + by_index.error().message() +
                                      "), and the image by itself does not either");
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
