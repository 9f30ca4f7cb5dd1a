#include "mosb/trust/trust_policy.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "mosb/base/json.h"
#include "mosb/base/text.h"
#include "mosb/trust/registry_scope.h"
#include "mosb/trust/strict_names.h"

namespace mosb::trust {

namespace {

/// Comparing identities for overlap takes time in the square of their number.
constexpr std::size_t kMaxIdentities = 1000;

constexpr std::array<std::string_view, 2> kDocumentNames{"version", "trustPolicies"};
constexpr std::array<std::string_view, 5> kStatementNames{
    "name", "registryScopes", "signatureVerification", "trustStores", "trustedIdentities"};
constexpr std::array<std::string_view, 3> kLevelNames{"level", "override", "verifyTimestamp"};

Error refuse(const std::string& why) {
  return Error(Errc::kPolicy, why);
}

Result<TrustStoreName> parse_store(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) {
    return refuse("malformed trust store " + quote(text) + "; the format is TYPE:NAME");
  }
  const auto type = parse_trust_store_type(std::string_view(text).substr(0, colon));
  if (!type) {
    return refuse("unsupported trust store type in " + quote(text) +
                  "; there are ca, signingAuthority and tsa");
  }
  const std::string name = text.substr(colon + 1);
  if (!is_trust_store_name(name)) {
    return refuse("unsupported trust store name in " + quote(text) +
                  "; names are made of letters, digits, '_', '.' and '-'");
  }
  return TrustStoreName{*type, name};
}

Status check_overlap(const std::vector<DistinguishedName>& subjects,
                     const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    for (std::size_t k = i + 1; k < subjects.size(); ++k) {
      if (subjects[i].is_subset_of(subjects[k]) || subjects[k].is_subset_of(subjects[i])) {
        return refuse("trusted identities " + quote(texts[i]) + " and " + quote(texts[k]) +
                      " overlap");
      }
    }
  }
  return ok();
}

Result<TrustedIdentities> parse_identities(const std::vector<std::string>& texts) {
  if (texts.size() > kMaxIdentities) {
    return refuse("more than " + std::to_string(kMaxIdentities) + " trusted identities");
  }
  TrustedIdentities identities;
  std::vector<std::string> subject_texts;
  identities.anybody = std::find(texts.begin(), texts.end(), "*") != texts.end();
  if (identities.anybody && texts.size() > 1) {
    return refuse("trusted identity '*' stands beside others; it must stand alone");
  }
  for (const std::string& text : texts) {
    if (text == "*") {
      continue;
    }
    const std::size_t colon = text.find(':');
    if (text.empty() || colon == std::string::npos) {
      return refuse(text.empty() ? std::string("a trusted identity is empty")
                                 : "trusted identity " + quote(text) + " lacks its separator ':'");
    }
    if (text.substr(0, colon) == "x509.subject") {
      const std::string_view subject = std::string_view(text).substr(colon + 1);
      if (subject.empty()) {
        return refuse("trusted identity " + quote(text) + " has no value");
      }
      identities.subjects.push_back(MOSB_TRY(DistinguishedName::parse(subject)));
      subject_texts.push_back(text);
    }
  }
  MOSB_CHECK(check_overlap(identities.subjects, subject_texts));
  return identities;
}

Result<VerifyTimestamp> parse_verify_timestamp(const std::optional<std::string>& text) {
  // An empty string counts as absent, as for notation.
  if (!text || text->empty() || *text == "always") {
    return VerifyTimestamp::kAlways;
  }
  if (*text == "afterCertExpiry") {
    return VerifyTimestamp::kAfterCertExpiry;
  }
  return refuse("verifyTimestamp must be 'always' or 'afterCertExpiry', not " + quote(*text));
}

Status parse_level(const Json& object, TrustPolicyStatement& statement) {
  const Json* const verification = MOSB_TRY(json::optional_object(object, "signatureVerification"));
  const Json none = Json::object();
  const Json& level = verification == nullptr ? none : *verification;
  MOSB_CHECK(refuse_miscased_names(level, kLevelNames));
  const auto name = MOSB_TRY(json::optional_string(level, "level"));
  const auto overrides = MOSB_TRY(json::optional_string_map(level, "override"));
  statement.level = MOSB_TRY(VerificationLevel::make(name.value_or(""), overrides));
  statement.verify_timestamp =
      MOSB_TRY(parse_verify_timestamp(MOSB_TRY(json::optional_string(level, "verifyTimestamp"))));
  return ok();
}

Status parse_trust(const Json& object, TrustPolicyStatement& statement) {
  const auto stores = MOSB_TRY(json::optional_string_list(object, "trustStores"));
  const auto identities = MOSB_TRY(json::optional_string_list(object, "trustedIdentities"));
  if (statement.level.skips_everything()) {
    if (!stores.empty() || !identities.empty()) {
      return refuse("level 'skip' must not have trust stores or trusted identities");
    }
    return ok();
  }
  if (stores.empty() || identities.empty()) {
    return refuse("trust stores or trusted identities are missing; both must be given");
  }
  std::set<TrustStoreName> seen;
  for (const std::string& text : stores) {
    TrustStoreName store = MOSB_TRY(parse_store(text));
    if (seen.insert(store).second) {
      statement.trust_stores.push_back(std::move(store));
    }
  }
  statement.identities = MOSB_TRY(parse_identities(identities));
  return ok();
}

Result<TrustPolicyStatement> parse_statement(const Json& object) {
  if (!object.is_object()) {
    return refuse("a trust policy statement is not an object");
  }
  MOSB_CHECK(refuse_miscased_names(object, kStatementNames));
  TrustPolicyStatement statement;
  statement.name = MOSB_TRY(json::optional_string(object, "name")).value_or("");
  if (statement.name.empty()) {
    return refuse("a trust policy statement has no name");
  }
  const std::string where = "trust policy statement " + quote(statement.name);
  MOSB_CHECK(parse_level(object, statement).context(where));
  MOSB_CHECK(parse_trust(object, statement).context(where));
  statement.registry_scopes =
      MOSB_TRY(json::optional_string_list(object, "registryScopes").context(where));
  return statement;
}

Status check_scopes(const TrustPolicyStatement& statement, std::set<std::string>& all) {
  const std::vector<std::string>& scopes = statement.registry_scopes;
  if (scopes.empty()) {
    return refuse("there are no registry scopes; at least one must be given");
  }
  const bool wildcard = std::find(scopes.begin(), scopes.end(), "*") != scopes.end();
  if (wildcard && scopes.size() > 1) {
    return refuse("registry scope '*' stands beside others; it must stand alone");
  }
  for (const std::string& scope : scopes) {
    if (scope != "*" && !is_registry_scope(scope)) {
      return refuse("registry scope " + quote(scope) + " is not valid")
          .with_hint(
              "a scope is a whole repository without scheme, tag or wildcard, such as "
              "example.org/my/repository, a local scope such as local/layout, or '*' alone");
    }
    if (!all.insert(scope).second) {
      return refuse("registry scope " + quote(scope) + " stands in the policy twice");
    }
  }
  return ok();
}

void add_warnings(const TrustPolicyStatement& statement, std::vector<std::string>& warnings) {
  if (statement.level.skips_everything() && statement.registry_scopes.front() == "*") {
    warnings.push_back("trust policy statement " + quote(statement.name) +
                       " skips the verification of every artifact that no other statement names");
  }
}

Result<TrustPolicy> parse_document(std::string_view text) {
  const Json document = MOSB_TRY(json::parse(text, kMaxTrustPolicy));
  if (!document.is_object()) {
    return refuse("the document is not an object");
  }
  MOSB_CHECK(refuse_miscased_names(document, kDocumentNames));
  const auto version = MOSB_TRY(json::optional_string(document, "version"));
  if (!version || *version != "1.0") {
    return refuse(version ? "unsupported version " + quote(*version)
                          : std::string("the version is missing"))
        .with_hint("the version of a trust policy is \"1.0\"");
  }
  const Json* const statements = MOSB_TRY(json::optional_array(document, "trustPolicies"));
  if (statements == nullptr || statements->empty()) {
    return refuse("there are no trust policy statements");
  }
  TrustPolicy policy;
  std::set<std::string> names;
  for (const Json& object : *statements) {
    policy.statements.push_back(MOSB_TRY(parse_statement(object)));
    if (!names.insert(policy.statements.back().name).second) {
      return refuse("two trust policy statements are named " +
                    quote(policy.statements.back().name));
    }
  }
  std::set<std::string> scopes;
  for (const TrustPolicyStatement& statement : policy.statements) {
    MOSB_CHECK(
        check_scopes(statement, scopes).context("trust policy statement " + quote(statement.name)));
    add_warnings(statement, policy.warnings);
  }
  return policy;
}

bool names_scope(const TrustPolicyStatement& statement, std::string_view scope) {
  const std::vector<std::string>& scopes = statement.registry_scopes;
  return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

}  // namespace

const char* trust_store_type_name(TrustStoreType type) {
  switch (type) {
    case TrustStoreType::kCa:
      return "ca";
    case TrustStoreType::kSigningAuthority:
      return "signingAuthority";
    case TrustStoreType::kTsa:
      return "tsa";
  }
  return "ca";
}

std::optional<TrustStoreType> parse_trust_store_type(std::string_view text) {
  for (const TrustStoreType type :
       {TrustStoreType::kCa, TrustStoreType::kSigningAuthority, TrustStoreType::kTsa}) {
    if (text == trust_store_type_name(type)) {
      return type;
    }
  }
  return std::nullopt;
}

bool is_trust_store_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '.' || c == '-';
         });
}

std::string TrustStoreName::str() const {
  return std::string(trust_store_type_name(type)) + ":" + name;
}

Result<TrustPolicy> TrustPolicy::parse(std::string_view text) {
  return parse_document(text).as(Errc::kPolicy);
}

Result<const TrustPolicyStatement*> TrustPolicy::select(std::string_view scope) const {
  if (!is_registry_scope(scope)) {
    return Error(Errc::kPolicy, quote(scope) + " cannot be a trust policy's registry scope");
  }
  const TrustPolicyStatement* any = nullptr;
  for (const TrustPolicyStatement& statement : statements) {
    if (names_scope(statement, scope)) {
      return &statement;
    }
    if (names_scope(statement, "*")) {
      any = &statement;
    }
  }
  if (any == nullptr) {
    return Error(Errc::kPolicy, "no trust policy statement applies to " + quote(scope))
        .with_hint("add a statement whose registryScopes has '" + std::string(scope) + "' or '*'");
  }
  return any;
}

}  // namespace mosb::trust
