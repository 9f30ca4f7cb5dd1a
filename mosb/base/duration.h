#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb {

/// "500ms", "15s", "2m", "720h", "7d" or several of them, the longest unit first ("1h30m"). Whole
/// numbers, at most a hundred years in all. Errors: kContent.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The shortest text that parse_duration() reads back as the same; zero is "0s".
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace mosb
