#pragma once

#include <map>
#include <optional>
#include <string>

#include "mosb/base/clock.h"
#include "mosb/base/error.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/repository.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/report.h"
#include "mosb/trust/verified.h"

namespace mosb::trust {

struct RevocationSources;

struct VerifyRequest {
  /// The artifact's manifest as the reference resolved to.
  oci::Descriptor subject;
  /// HOST[:PORT]/REPO, or a local scope such as "local/mosb".
  std::string scope;
  /// What the signed user metadata must contain.
  std::map<std::string, std::string> metadata;
  /// Signatures tried at most, at least 1.
  unsigned max_signatures = 100;
  /// Who is asked whether certificates are revoked. nullptr: nobody, and one that says who could be
  /// asked counts as one that may be revoked.
  const RevocationSources* revocation = nullptr;
};

struct Verification {
  VerificationReport report;
  /// kPolicy or kSignature; absent if the artifact is verified or policy skips it.
  std::optional<Error> refusal;
};

/// Whether anything can be judged by this clock. Errors: kPolicy for one that shows a time which
/// has passed for certain.
Status check_clock(const Clock& clock);

/// Judges an artifact's signatures by the trust policy, one after the other until one is accepted.
/// Spec: Notary Project "Signature verification"; the order of checks is notation 1.3.2's.
/// Errors: only where no judgement was possible: kNetwork, kContent for a signature manifest that
/// is not one, kPolicy for a clock that is certainly wrong, kUsage for an impossible request.
Result<Verification> verify(oci::Repository& repository,
                            const VerifyRequest& request,
                            const NotationConfig& config,
                            const Clock& clock);

struct AdmittedManifest {
  Verified<oci::Manifest> manifest;
  VerificationReport report;
};

/// Reads the manifest's bytes once, verifies their signatures, and parses those same bytes.
/// Errors: those of verify(), and its refusal.
Result<AdmittedManifest> admit(oci::Repository& repository,
                               const VerifyRequest& request,
                               const NotationConfig& config,
                               const Clock& clock);

/// The same for an image that was chosen from an index, by the index's signature: `request.subject`
/// is the index, and `manifest` must be listed in it or in an index that it lists.
/// Errors: as admit(); kContent if it is not.
Result<AdmittedManifest> admit_from_index(oci::Repository& repository,
                                          const VerifyRequest& request,
                                          const oci::Descriptor& manifest,
                                          const NotationConfig& config,
                                          const Clock& clock);

/// By the signature of the index that the image `request.subject` was chosen from, if there is one
/// and its signature counts; else by the image's own. Errors: as admit(); those of reading the
/// index where that could not be done and no signature of the image itself counts.
Result<AdmittedManifest> admit_chosen(oci::Repository& repository,
                                      const VerifyRequest& request,
                                      const std::optional<oci::Descriptor>& index,
                                      const NotationConfig& config,
                                      const Clock& clock);

/// For --insecure-skip-signature only: admits without looking at any signature. The report's
/// outcome is skipped, its policy "insecure-skip-signature".
Result<AdmittedManifest> admit_unverified(oci::Repository& repository,
                                          const oci::Descriptor& subject);

}  // namespace mosb::trust
