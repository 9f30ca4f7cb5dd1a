#pragma once

#include <map>
#include <string>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::cli {

/// "KEY=VALUE" flags; the value may have '=' in it, neither part may be empty, the last of one key
/// counts. Errors: kUsage, naming `flag`.
Result<std::map<std::string, std::string>> parse_key_values(const std::string& flag,
                                                            const std::vector<std::string>& texts);

}  // namespace mosb::cli
