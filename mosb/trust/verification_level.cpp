#include "mosb/trust/verification_level.h"

#include "mosb/base/text.h"

namespace mosb::trust {

namespace {

using Action = ValidationAction;

Result<VerificationLevel> named(std::string_view name) {
  if (name == "strict") {
    return VerificationLevel{.name = "strict"};
  }
  if (name == "permissive") {
    return VerificationLevel{.name = "permissive",
                             .authentic_timestamp = Action::kLog,
                             .expiry = Action::kLog,
                             .revocation = Action::kLog};
  }
  if (name == "audit") {
    return VerificationLevel{.name = "audit",
                             .authenticity = Action::kLog,
                             .authentic_timestamp = Action::kLog,
                             .expiry = Action::kLog,
                             .revocation = Action::kLog};
  }
  if (name == "skip") {
    return VerificationLevel{.name = "skip",
                             .integrity = Action::kSkip,
                             .authenticity = Action::kSkip,
                             .authentic_timestamp = Action::kSkip,
                             .expiry = Action::kSkip,
                             .revocation = Action::kSkip};
  }
  return Error(Errc::kPolicy,
               name.empty() ? std::string("the signature verification level is missing")
                            : "invalid signature verification level " + quote(name))
      .with_hint("the levels are strict, permissive, audit and skip");
}

Result<Action> parse_action(const std::string& text) {
  if (text == "enforce") {
    return Action::kEnforce;
  }
  if (text == "log") {
    return Action::kLog;
  }
  if (text == "skip") {
    return Action::kSkip;
  }
  return Error(
      Errc::kPolicy,
      "verification action " + quote(text) + " is not supported; there are enforce, log and skip");
}

}  // namespace

Result<VerificationLevel> VerificationLevel::make(
    std::string_view name, const std::map<std::string, std::string>& overrides) {
  VerificationLevel level = MOSB_TRY(named(name));
  if (overrides.empty()) {
    return level;
  }
  if (level.skips_everything()) {
    return Error(Errc::kPolicy, "signature verification level 'skip' can't be overridden");
  }
  const std::map<std::string, Action*> checks{{"authenticity", &level.authenticity},
                                              {"authenticTimestamp", &level.authentic_timestamp},
                                              {"expiry", &level.expiry},
                                              {"revocation", &level.revocation}};
  for (const auto& [check, text] : overrides) {
    const Action action = MOSB_TRY(parse_action(text));
    if (check == "integrity") {
      return Error(Errc::kPolicy, "the verification of 'integrity' can't be overridden");
    }
    const auto found = checks.find(check);
    if (found == checks.end()) {
      return Error(Errc::kPolicy, "verification type " + quote(check) + " is not supported");
    }
    if (action == Action::kSkip && check != "revocation") {
      return Error(Errc::kPolicy, "the verification of " + quote(check) + " can't be skipped");
    }
    *found->second = action;
  }
  level.name = "custom";
  return level;
}

}  // namespace mosb::trust
