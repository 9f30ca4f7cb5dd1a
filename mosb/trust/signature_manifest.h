#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/repository.h"
#include "mosb/trust/certificate.h"

namespace mosb::trust {

/// An envelope as it lies beside an artifact.
struct AttachedSignature {
  /// Of the envelope: says which format it is in.
  std::string media_type;
  std::string envelope;
};

/// Fetches what one referrer of an artifact holds. Only the number of layers, sizes and digests
/// matter; what the manifest claims besides proves nothing and is not read.
/// Spec: Notary Project "OCI signature manifest". Errors: kNetwork, kContent.
Result<AttachedSignature> read_signature(oci::Repository& repository,
                                         const oci::Descriptor& referrer);

struct SignatureManifest {
  oci::Descriptor descriptor;
  std::string bytes;
};

struct SignatureManifestContent {
  oci::Descriptor envelope;
  oci::Descriptor subject;
  std::vector<Certificate> chain;
  SystemTime signing_time;
};

/// The manifest that attaches an envelope to its subject, byte for byte as notation 1.3.2 writes
/// it.
SignatureManifest print_signature_manifest(const SignatureManifestContent& content);

/// The config blob of every signature manifest.
inline constexpr std::string_view kEmptyConfig = "{}";

}  // namespace mosb::trust
