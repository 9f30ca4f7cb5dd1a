#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"

namespace mosb {

/// Lower-case hexadecimal.
std::string to_hex(std::span<const std::byte> bytes);
/// Strict: even length, 0-9 and a-f only. Errors: kContent.
Result<std::vector<std::byte>> from_hex(std::string_view text);

}  // namespace mosb
