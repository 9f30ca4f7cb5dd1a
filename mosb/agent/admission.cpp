#include "mosb/agent/admission.h"

#include <algorithm>

#include "mosb/base/text.h"
#include "mosb/oci/pull.h"
#include "mosb/oci/replaced_image.h"
#include "mosb/trust/revocation.h"
#include "mosb/trust/signature_envelope.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxConfig{4 * kMiB};

struct Judged {
  const std::string& ref;
  const std::string& scope;
  bool skip_signature;
  oci::Descriptor manifest;
  /// What the reference named, if it was an index: a signature of it counts for the image.
  std::optional<oci::Descriptor> index;
};

const trust::SignatureReport* accepted_signature(const trust::VerificationReport& report) {
  for (const trust::SignatureReport& signature : report.signatures) {
    if (signature.outcome == trust::Outcome::kVerified) {
      return &signature;
    }
  }
  return nullptr;
}

/// Certificates that expire end it, unless a signing authority or a timestamp says when the
/// signature was made.
std::optional<SystemTime> counts_until(const trust::SignatureReport& signature, SystemTime now) {
  std::optional<SystemTime> first;
  for (const trust::CertificateReport& certificate : signature.chain) {
    first = std::min(first.value_or(certificate.not_after), certificate.not_after);
  }
  const bool has_time =
      signature.signing_scheme ==
          trust::signing_scheme_name(trust::SigningScheme::kX509SigningAuthority) ||
      (first && *first < now && signature.authentic_timestamp == trust::CheckResult::kPass);
  if (has_time || !first) {
    return signature.expiry;
  }
  return std::min(*first, signature.expiry.value_or(*first));
}

Result<trust::AdmittedManifest> judge(const Judged& what,
                                      oci::Store& store,
                                      const TrustContext& trust) {
  if (what.skip_signature) {
    return trust::admit_unverified(store.repository(), what.manifest);
  }
  const trust::NotationConfig config =
      MOSB_TRY(trust::NotationConfig::open(trust.notation_config_dir));
  const trust::VerifyRequest request{.subject = what.manifest,
                                     .scope = what.scope,
                                     .metadata = {},
                                     .revocation = trust.revocation};
  return trust::admit_chosen(store.repository(), request, what.index, config, trust.clock);
}

Result<AdmittedImage> admit_from_store(const Judged& what,
                                       oci::Store& store,
                                       const TrustContext& trust) {
  trust::AdmittedManifest admitted = MOSB_TRY(judge(what, store, trust));
  const std::string text =
      MOSB_TRY(store.repository().read_blob(admitted.manifest->config, kMaxConfig));
  oci::ImageConfig config = MOSB_TRY(oci::ImageConfig::parse(text));
  MOSB_CHECK(oci::require_config_of(config, *admitted.manifest, what.manifest));
  ServiceImage image{.ref = what.ref,
                     .scope = what.scope,
                     .digest = what.manifest.digest,
                     .outcome = trust::outcome_name(admitted.report.outcome),
                     .policy = admitted.report.policy,
                     .subject = {},
                     .insecure = what.skip_signature,
                     .admitted_at = trust.clock.now()};
  if (const trust::SignatureReport* const signature = accepted_signature(admitted.report)) {
    image.subject = signature->subject;
    image.counts_until = counts_until(*signature, trust.clock.now());
  }
  return AdmittedImage{std::move(image), std::move(admitted.manifest), std::move(config)};
}

/// What is missing or damaged in the store, its source may still have.
Error as_lost(Error error) {
  const bool lost = error.code() == Errc::kContent || error.code() == Errc::kNotFound;
  return lost ? std::move(error)
                    .as(Errc::kContent)
                    .with_hint("apply the manifest again to fetch it anew")
              : error;
}

}  // namespace

Result<AdmittedImage> admit_image(oci::Repository& from,
                                  const AdmissionRequest& request,
                                  oci::Store& store,
                                  const TrustContext& trust) {
  const std::string ref = request.ref.str();
  if (request.ref.kind == oci::Reference::Kind::kStore) {
    // Where it came from, and by which signature, is known here alone.
    if (const auto stored = MOSB_TRY(store.find(ref, request.scope))) {
      return admit_from_store(
                 Judged{
                     ref, request.scope, request.skip_signature, stored->manifest, stored->index},
                 store,
                 trust)
          .context("verify image " + quote(ref));
    }
  }
  const oci::PullRequest pull{request.ref,
                              request.scope,
                              oci::Platform::host(),
                              request.expected_digest,
                              request.expected_size};
  const oci::PulledMetadata pulled =
      MOSB_TRY(oci::pull_metadata(from, pull, store).context("fetch image " + quote(ref)));
  AdmittedImage admitted = MOSB_TRY(
      admit_from_store(
          Judged{ref, request.scope, request.skip_signature, pulled.manifest, pulled.index},
          store,
          trust)
          .context("verify image " + quote(ref)));
  MOSB_CHECK(store.record(pulled.record(pull)).context("record image " + quote(ref)));
  return admitted;
}

Result<AdmittedImage> readmit_image(const ServiceImage& image,
                                    oci::Store& store,
                                    const TrustContext& trust,
                                    Recheck recheck) {
  const FixedClock admission(image.admitted_at.value_or(SystemTime()));
  const trust::RevocationSources settled{.web = nullptr, .cache_dir = {}, .is_settled = true};
  const TrustContext judge = keeps_verdict(image, recheck, trust.clock.now())
                                 ? TrustContext{trust.notation_config_dir, admission, &settled}
                                 : trust;
  auto stored = MOSB_TRY(store.find(image.digest.str(), image.scope));
  if (!stored) {
    // Its reference means another image by now. That this one was accepted under the scope, the
    // applied state says, too.
    auto replaced = oci::replaced_image(store, image.digest);
    if (!replaced) {
      return as_lost(std::move(replaced).error()).context("image " + quote(image.ref));
    }
    stored = *std::move(replaced);
  }
  if (!stored) {
    return Error(Errc::kContent,
                 "image " + quote(image.ref) + " (" + image.digest.str() +
                     ") is no longer in the store")
        .with_hint("apply the manifest again to fetch it");
  }
  auto admitted =
      admit_from_store(
          Judged{image.ref, image.scope, image.insecure, stored->manifest, stored->index},
          store,
          judge)
          .context("verify image " + quote(image.ref));
  return admitted ? std::move(admitted) : as_lost(std::move(admitted).error());
}

}  // namespace mosb::agent
