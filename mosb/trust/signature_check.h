#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/error.h"
#include "mosb/oci/descriptor.h"
#include "mosb/trust/report.h"
#include "mosb/trust/revocation.h"
#include "mosb/trust/signature_manifest.h"
#include "mosb/trust/trust_anchors.h"
#include "mosb/trust/trust_policy.h"

namespace mosb::trust {

/// What signatures are judged by.
struct SignatureCheckContext {
  const TrustPolicyStatement& statement;
  TrustAnchors& anchors;
  const oci::Descriptor& subject;
  /// Required user metadata.
  const std::map<std::string, std::string>& metadata;
  SystemTime now;
  /// nullptr: nobody is asked about revocation.
  const RevocationSources* revocation;
};

struct CheckedSignature {
  SignatureReport report;
  /// Set unless the outcome is verified.
  std::optional<Error> error;
  /// The signed user metadata.
  std::map<std::string, std::string> metadata;
  /// Failures that policy only logs.
  std::vector<std::string> warnings;
};

/// Judges one signature: integrity, then authenticity, expiry, timestamp, revocation, and at last
/// whether it is about the subject. `digest` is the signature manifest's.
/// Spec: Notary Project "Signature verification"; order as notation 1.3.2.
CheckedSignature check_signature(const AttachedSignature& signature,
                                 const Digest& digest,
                                 const SignatureCheckContext& context);

}  // namespace mosb::trust
