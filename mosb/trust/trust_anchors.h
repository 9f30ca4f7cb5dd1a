#pragma once

#include <map>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/trust_policy.h"
#include "mosb/trust/trust_store.h"

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

}  // namespace mosb::trust
