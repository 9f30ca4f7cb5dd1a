#pragma once

#include <string>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/cli/command_line.h"
#include "mosb/cli/log_view.h"

namespace mosb::cli {

/// What `logs` of services and of machines take.
struct LogFlags {
  bool follow = false;
  std::string tail;
  std::string since;
};

/// `flags` must live until the command line is parsed.
void add_log_flags(Command& command, LogFlags& flags);
/// Of a log that has times beside it.
void add_since_flag(Command& command, LogFlags& flags);

/// Errors: kUsage.
Result<LogRequest> log_request(const LogFlags& flags, const Clock& clock);

}  // namespace mosb::cli
