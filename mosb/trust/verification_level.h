#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb::trust {

/// What a failed check means.
enum class ValidationAction { kEnforce, kLog, kSkip };

/// What each check's failure means. Spec: Notary Project "Signature verification details".
struct VerificationLevel {
  /// strict, permissive, audit, skip; "custom" with overrides.
  std::string name;
  ValidationAction integrity = ValidationAction::kEnforce;
  ValidationAction authenticity = ValidationAction::kEnforce;
  ValidationAction authentic_timestamp = ValidationAction::kEnforce;
  ValidationAction expiry = ValidationAction::kEnforce;
  ValidationAction revocation = ValidationAction::kEnforce;

  bool skips_everything() const { return integrity == ValidationAction::kSkip; }

  /// A named level with `override` applied (check name to action name). Errors: kPolicy.
  static Result<VerificationLevel> make(std::string_view name,
                                        const std::map<std::string, std::string>& overrides);
};

}  // namespace mosb::trust
