#pragma once

#include <string>

#include "mosb/base/clock.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// What judging an image anew found while its service ran (running_recheck.h).
struct RecheckFinding {
  enum class Kind {
    /// The image counts no more: the service was stopped.
    kRefused,
    /// That could not be found out: the service runs on.
    kUndetermined,
  };
  Kind kind;
  std::string reason;
  /// When it was found first.
  SystemTime at;

  bool operator==(const RecheckFinding&) const = default;
};

/// "refused", "undetermined".
const char* finding_name(RecheckFinding::Kind kind);

Json to_json(const RecheckFinding& finding);
/// Errors: kContent.
Result<RecheckFinding> parse_recheck_finding(const Json& json);

}  // namespace mosb::agent
