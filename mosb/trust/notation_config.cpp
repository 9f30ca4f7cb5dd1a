#include "mosb/trust/notation_config.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <strings.h>

#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/text.h"
#include "mosb/trust/trusted_file.h"

namespace mosb::trust {

namespace {

constexpr ByteCount kMaxConfigFile{1 * kMiB};

struct PolicyFile {
  std::string path;
  Result<TrustPolicy> policy;
};

PolicyFile read_policy(const std::string& dir) {
  std::string path;
  for (const char* const name : {"/trustpolicy.oci.json", "/trustpolicy.json"}) {
    path = dir + name;
    auto text = read_trusted_file(path, kMaxTrustPolicy);
    if (text) {
      auto policy = TrustPolicy::parse(*text).context("trust policy " + quote(path));
      return PolicyFile{path, std::move(policy)};
    }
    if (text.error().code() != Errc::kNotFound) {
      return PolicyFile{path, std::move(text).error().context("trust policy")};
    }
  }
  return PolicyFile{path,
                    Error(Errc::kPolicy, "there is no trust policy in " + quote(dir))
                        .with_hint("write one to " + quote(path) +
                                   ", or let `mosb keyset create` make a first one")};
}

std::string config_path(const std::string& dir) {
  return dir + "/config.json";
}

std::string environment(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? "" : value;
}

}  // namespace

NotationConfig::NotationConfig(std::string dir, std::string policy_path, Result<TrustPolicy> policy)
    : dir_(std::move(dir)), policy_path_(std::move(policy_path)), policy_(std::move(policy)) {}

Result<NotationConfig> NotationConfig::open(const std::string& dir) {
  const auto checked = check_trusted_directory(dir);
  if (!checked) {
    const Error error = checked.error().context("notation configuration");
    return Error(error)
        .as(Errc::kPolicy)
        .with_hint(
            "name the directory with --notation-config, or let `mosb keyset create` make one");
  }
  PolicyFile file = read_policy(dir);
  return NotationConfig(dir, std::move(file.path), std::move(file.policy));
}

NotationConfig NotationConfig::at_level_strict() const {
  NotationConfig strict(*this);
  if (strict.policy_) {
    for (TrustPolicyStatement& statement : strict.policy_->statements) {
      statement.level = VerificationLevel{.name = "strict"};
    }
  }
  return strict;
}

Status NotationConfig::check_readable(const std::string& scope) const {
  if (!policy_) {
    return policy_.error();
  }
  const auto statement = policy_->select(scope);
  if (!statement) {
    return ok();
  }
  std::optional<Error> unreadable;
  bool is_vacant = true;
  for (const TrustStoreName& name : (*statement)->trust_stores) {
    is_vacant = MOSB_TRY(TrustStore::is_vacant(dir_, name)) && is_vacant;
    if (const auto loaded = store(name); !loaded) {
      unreadable = loaded.error();
    }
  }
  return is_vacant || !unreadable ? ok() : Status(*std::move(unreadable));
}

Result<TrustStore> NotationConfig::store(const TrustStoreName& name) const {
  return TrustStore::load(dir_, name);
}

Result<SigningKeyList> NotationConfig::signing_keys() const {
  const std::string path = dir_ + "/signingkeys.json";
  const std::string text = MOSB_TRY(read_trusted_file(path, kMaxConfigFile));
  return SigningKeyList::parse(text).context(quote(path));
}

Result<std::optional<Json>> NotationConfig::read_config() const {
  const std::string path = config_path(dir_);
  const auto text = read_trusted_file(path, kMaxConfigFile);
  if (!text) {
    if (text.error().code() == Errc::kNotFound) {
      return std::optional<Json>();
    }
    return text.error();
  }
  return std::optional(MOSB_TRY(json::parse(*text, kMaxConfigFile).context(quote(path))));
}

Result<std::vector<std::string>> NotationConfig::insecure_registries() const {
  const std::optional<Json> config = MOSB_TRY(read_config());
  if (!config) {
    return std::vector<std::string>();
  }
  return json::optional_string_list(*config, "insecureRegistries")
      .context(quote(config_path(dir_)));
}

Result<std::optional<EnvelopeFormat>> NotationConfig::signature_format() const {
  const std::optional<Json> config = MOSB_TRY(read_config());
  if (!config) {
    return std::optional<EnvelopeFormat>();
  }
  constexpr const char* kHint = R"(write "jws" or "cose")";
  const std::string path = quote(config_path(dir_));
  const auto name =
      MOSB_TRY(json::optional_string(*config, "signatureFormat").context(path).with_hint(kHint));
  // As notation, which takes an empty one for none and no other spelling.
  if (!name || name->empty()) {
    return std::optional<EnvelopeFormat>();
  }
  if (*name == "jws") {
    return std::optional(EnvelopeFormat::kJws);
  }
  if (*name == "cose") {
    return std::optional(EnvelopeFormat::kCose);
  }
  return Error(Errc::kContent, path + ": there is no signatureFormat " + quote(*name))
      .with_hint(kHint);
}

Result<bool> is_insecure_registry(const std::string& dir, std::string_view host) {
  if (!path_exists(dir)) {
    return false;
  }
  const NotationConfig config = MOSB_TRY(NotationConfig::open(dir));
  const std::vector<std::string> names = MOSB_TRY(config.insecure_registries());
  return std::any_of(names.begin(), names.end(), [host](const std::string& name) {
    return name.size() == host.size() && ::strncasecmp(name.data(), host.data(), host.size()) == 0;
  });
}

std::string default_notation_config_dir() {
  if (const std::string dir = environment("NOTATION_CONFIG"); !dir.empty()) {
    return dir;
  }
  if (const std::string dir = environment("XDG_CONFIG_HOME"); !dir.empty()) {
    return dir + "/notation";
  }
  const std::string home = environment("HOME");
  return home.empty() ? "" : home + "/.config/notation";
}

}  // namespace mosb::trust
