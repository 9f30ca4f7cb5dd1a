#include "mosb/agent/recheck_finding.h"

#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"

namespace mosb::agent {

const char* finding_name(RecheckFinding::Kind kind) {
  switch (kind) {
    case RecheckFinding::Kind::kRefused:
      return "refused";
    case RecheckFinding::Kind::kUndetermined:
      return "undetermined";
  }
  return "refused";
}

Json to_json(const RecheckFinding& finding) {
  return {{"outcome", finding_name(finding.kind)},
          {"reason", finding.reason},
          {"at", to_rfc3339(finding.at)}};
}

Result<RecheckFinding> parse_recheck_finding(const Json& json) {
  const std::string outcome = MOSB_TRY(json::require_string(json, "outcome"));
  const std::string reason = MOSB_TRY(json::require_string(json, "reason"));
  const SystemTime at =
      MOSB_TRY(parse_rfc3339(MOSB_TRY(json::require_string(json, "at"))).context("at"));
  for (const auto kind : {RecheckFinding::Kind::kRefused, RecheckFinding::Kind::kUndetermined}) {
    if (outcome == finding_name(kind)) {
      return RecheckFinding{kind, reason, at};
    }
  }
  return Error(Errc::kContent, "there is no outcome " + quote(outcome));
}

}  // namespace mosb::agent
