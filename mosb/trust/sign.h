#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/repository.h"
#include "mosb/trust/envelope_format.h"
#include "mosb/trust/signing_key.h"
#include "mosb/trust/timestamp_authority.h"

namespace mosb::trust {

struct SignRequest {
  /// The artifact's manifest.
  oci::Descriptor subject;
  SigningKey key;
  /// How long the signature counts, from now; nullopt: as long as its certificates.
  std::optional<std::chrono::seconds> expiry;
  /// Signed with the artifact. Keys must not start with "io.cncf.notary".
  std::map<std::string, std::string> metadata;
  /// Who puts a timestamp on the signature; nullopt: nobody.
  std::optional<TimestampAuthority> timestamp_authority = {};
  EnvelopeFormat format = EnvelopeFormat::kJws;
};

/// Signs an artifact as notation 1.3.2 does and attaches the signature to it. The value is
/// the signature manifest's descriptor. What is pushed was checked with our own verifier before.
/// Errors: kUsage for an unusable request, kSignature for a chain or a timestamp that verifiers
/// would refuse, kNetwork and others from the repository and the timestamping authority.
Result<oci::Descriptor> sign(oci::Repository& repository,
                             const SignRequest& request,
                             const Clock& clock);

}  // namespace mosb::trust
