#pragma once

#include <optional>
#include <string>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"

namespace mosb::cli {

struct LogRequest {
  /// So many lines from the end; all if absent.
  std::optional<unsigned> tail;
  /// What was printed since then, and up to some seconds before.
  std::optional<SystemTime> since;
  /// Go on with what comes, over rotations, until the reader goes away.
  bool follow = false;
};

/// Prints from the log `path` and the older ones beside it (PATH.1 is the youngest), control
/// characters escaped on a terminal. Errors: kNotFound without a log.
Result<int> show_log(const std::string& path, const LogRequest& request);

}  // namespace mosb::cli
