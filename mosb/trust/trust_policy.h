#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/trust/distinguished_name.h"
#include "mosb/trust/verification_level.h"

namespace mosb::trust {

constexpr ByteCount kMaxTrustPolicy{1 * kMiB};

enum class TrustStoreType { kCa, kSigningAuthority, kTsa };
/// "ca", "signingAuthority", "tsa": also the directory's name.
const char* trust_store_type_name(TrustStoreType type);
std::optional<TrustStoreType> parse_trust_store_type(std::string_view text);
/// `[a-zA-Z0-9_.-]+`, but neither "." nor "..".
bool is_trust_store_name(std::string_view name);

struct TrustStoreName {
  TrustStoreType type;
  std::string name;
  /// "ca:NAME".
  std::string str() const;
  auto operator<=>(const TrustStoreName&) const = default;
};

enum class VerifyTimestamp { kAlways, kAfterCertExpiry };

/// Whose signatures a statement accepts.
struct TrustedIdentities {
  /// "*": everybody whom a listed trust store vouches for.
  bool anybody = false;
  /// `x509.subject:` identities. Others are valid in the file but match nobody.
  std::vector<DistinguishedName> subjects;
};

struct TrustPolicyStatement {
  std::string name;
  std::vector<std::string> registry_scopes;
  VerificationLevel level;
  VerifyTimestamp verify_timestamp = VerifyTimestamp::kAlways;
  std::vector<TrustStoreName> trust_stores;
  TrustedIdentities identities;
};

/// trustpolicy.json. Spec: Notary Project "Trust store and trust policy", version 1.0.
struct TrustPolicy {
  std::vector<TrustPolicyStatement> statements;
  /// What is accepted but deserves a word.
  std::vector<std::string> warnings;

  /// Checks everything that notation checks, in its order; JSON is read strictly (no duplicate or
  /// miscased names, nothing after the document). Errors: kPolicy.
  static Result<TrustPolicy> parse(std::string_view text);
  /// The statement for a scope: the one that names it exactly, else the one with "*".
  /// Errors: kPolicy if there is none.
  Result<const TrustPolicyStatement*> select(std::string_view scope) const;
};

}  // namespace mosb::trust
