#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::oci {

/// One way a server says it wants to be authenticated to.
struct Challenge {
  /// Lower case: "basic", "bearer".
  std::string scheme = {};
  /// Names in lower case. Empty where the challenge carries a token68 instead.
  std::map<std::string, std::string> parameters = {};
};

/// The challenges of one WWW-Authenticate field, in order. Spec: RFC 7235 §4.1.
/// Errors: kNetwork; a parameter that stands twice in a challenge is one.
Result<std::vector<Challenge>> parse_www_authenticate(std::string_view value);

}  // namespace mosb::oci
