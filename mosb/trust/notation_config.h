#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/trust/envelope_format.h"
#include "mosb/trust/signing_key_list.h"
#include "mosb/trust/trust_policy.h"
#include "mosb/trust/trust_store.h"

namespace mosb::trust {

/// A notation configuration directory. The trust policy is read once, when the directory is opened,
/// so that one operation sees one policy; trust stores are read when they are needed.
/// Spec: Notary Project "Directory structure".
class NotationConfig {
 public:
  /// Errors: kPolicy if there is no such directory or others than its owner may write to it.
  /// A missing or bad policy shows in policy() only: signing needs none.
  static Result<NotationConfig> open(const std::string& dir);

  const std::string& dir() const { return dir_; }
  /// trustpolicy.oci.json, or trustpolicy.json where there is none. Errors: kPolicy.
  const Result<TrustPolicy>& policy() const { return policy_; }
  /// The file that policy() came from, or should have come from.
  const std::string& policy_path() const { return policy_path_; }
  /// The same with every statement at the level strict, to see what that would change.
  NotationConfig at_level_strict() const;
  /// Whether what decides about a trust scope can be read: the policy, and every trust store that
  /// the statement names. A statement that has none but missing or empty stores can: it trusts
  /// nobody. A scope without a statement can, too. Errors: kPolicy.
  Status check_readable(const std::string& scope) const;
  /// The trusted certificates of one named store. Errors: kPolicy.
  Result<TrustStore> store(const TrustStoreName& name) const;
  /// signingkeys.json. Errors: kNotFound, kContent.
  Result<SigningKeyList> signing_keys() const;
  /// `insecureRegistries` of config.json: HOST[:PORT]; empty without that file. Errors: kContent.
  Result<std::vector<std::string>> insecure_registries() const;
  /// `signatureFormat` of config.json, in which notation signs unless it is told otherwise; nullopt
  /// without one. Errors: kContent.
  Result<std::optional<EnvelopeFormat>> signature_format() const;

 private:
  /// config.json; nullopt if there is none.
  Result<std::optional<Json>> read_config() const;
  NotationConfig(std::string dir, std::string policy_path, Result<TrustPolicy> policy);

  std::string dir_;
  std::string policy_path_;
  Result<TrustPolicy> policy_;
};

/// Whether `insecureRegistries` of a configuration directory names this registry: as notation, the
/// whole HOST[:PORT] without regard to case. False where there is no such directory or file.
/// Errors: those of NotationConfig.
Result<bool> is_insecure_registry(const std::string& dir, std::string_view host);

/// Where notation itself looks: $NOTATION_CONFIG, else $XDG_CONFIG_HOME/notation, else
/// $HOME/.config/notation; "" if none of these variables is set.
std::string default_notation_config_dir();

}  // namespace mosb::trust
