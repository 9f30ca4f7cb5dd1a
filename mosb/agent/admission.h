#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mosb/agent/applied_state.h"
#include "mosb/agent/recheck.h"
#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"
#include "mosb/oci/store.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/verify.h"

namespace mosb::agent {

/// An image whose signatures policy accepts, with what is needed to run it.
struct AdmittedImage {
  ServiceImage image;
  trust::Verified<oci::Manifest> manifest;
  oci::ImageConfig config;
};

struct AdmissionRequest {
  oci::Reference ref;
  std::string scope;
  std::optional<Digest> expected_digest;
  std::optional<std::uint64_t> expected_size;
  /// --insecure-skip-signature
  bool skip_signature = false;
};

/// How images are judged: the operator's notation configuration and the time.
struct TrustContext {
  std::string notation_config_dir;
  const Clock& clock;
  /// nullptr: nobody is asked whether a certificate is revoked.
  const trust::RevocationSources* revocation = nullptr;
};

/// Resolves the reference once, brings manifest, configuration and signatures into `store`, and
/// judges the signatures there. Layers are not fetched. Errors: kNetwork, kContent, kSignature,
/// kPolicy, kHost for another architecture.
Result<AdmittedImage> admit_image(oci::Repository& from,
                                  const AdmissionRequest& request,
                                  oci::Store& store,
                                  const TrustContext& trust);

/// Judges an image that is in the store again before it is started, by today's policy and trust
/// stores. Where `recheck` keeps the verdict, that is as of the time of its admission, and nobody
/// is asked about revocation; else servers that certificates name are. Errors: as above; kContent
/// with a hint if the store lost it.
Result<AdmittedImage> readmit_image(const ServiceImage& image,
                                    oci::Store& store,
                                    const TrustContext& trust,
                                    Recheck recheck);

}  // namespace mosb::agent
