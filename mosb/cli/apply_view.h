#pragma once

#include "mosb/agent/apply.h"
#include "mosb/cli/session.h"

namespace mosb::cli {

/// Prints what was or would be done: the object of `plan -o json`, or a line per step with the
/// warnings on standard error and `if_nothing` (unless empty) where there is no step.
void show(const Session& session, const agent::ApplyReport& report, const std::string& if_nothing);

}  // namespace mosb::cli
