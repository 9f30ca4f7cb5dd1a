#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/error.h"
#include "mosb/oci/descriptor.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/report.h"
#include "mosb/trust/signature_manifest.h"
#include "mosb/trust/trust_policy.h"

namespace mosb::trust {

/// The trusted certificates that a statement names, read once per verification.
class TrustAnchors {
 public:
  TrustAnchors(const NotationConfig& config, const TrustPolicyStatement& statement)
      : config_(config), statement_(statement) {}
  /// Of all listed stores of that type. Errors: kPolicy.
  const Result<std::vector<TrustStore>>& of(TrustStoreType type);

 private:
  Result<std::vector<TrustStore>> load(TrustStoreType type) const;

  const NotationConfig& config_;
  const TrustPolicyStatement& statement_;
  std::map<TrustStoreType, Result<std::vector<TrustStore>>> loaded_;
};

/// What signatures are judged by.
struct SignatureCheckContext {
  const TrustPolicyStatement& statement;
  TrustAnchors& anchors;
  const oci::Descriptor& subject;
  /// Required user metadata.
  const std::map<std::string, std::string>& metadata;
  SystemTime now;
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
