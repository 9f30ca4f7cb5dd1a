#pragma once

#include <string>

#include "mosb/base/result.h"

namespace mosb::cli {

/// Prints the last `tail` lines of a service's log, control characters escaped on a terminal, and
/// with `follow` what comes after, over rotations, until the reader goes away.
Result<int> show_log(const std::string& path, unsigned tail, bool follow);

}  // namespace mosb::cli
