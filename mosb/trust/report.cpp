#include "mosb/trust/report.h"

namespace mosb::trust {

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kVerified:
      return "verified";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kSkipped:
      return "skipped";
  }
  return "failed";
}

const char* check_result_name(CheckResult result) {
  switch (result) {
    case CheckResult::kPass:
      return "pass";
    case CheckResult::kFail:
      return "fail";
    case CheckResult::kLogged:
      return "logged";
    case CheckResult::kSkipped:
      return "skipped";
  }
  return "fail";
}

}  // namespace mosb::trust
