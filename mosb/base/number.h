#pragma once

#include <cstdint>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb {

/// A decimal integer in [min, max]: digits only, no sign, no leading zero but "0" itself.
/// Errors: kContent, naming the text and the range.
Result<std::uint64_t> parse_uint(std::string_view text, std::uint64_t min, std::uint64_t max);

}  // namespace mosb
