#pragma once

#include <string>
#include <string_view>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"

namespace mosb {

/// "2026-11-21T18:10:41Z".
std::string to_rfc3339(SystemTime time);
/// Upper-case T and Z, or an offset ±hh:mm; fractions of a second are cut off. Errors: kContent.
Result<SystemTime> parse_rfc3339(std::string_view text);

}  // namespace mosb
