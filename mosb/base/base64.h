#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"

namespace mosb {

/// RFC 4648 section 4, with padding.
std::string base64_encode(std::span<const std::byte> bytes);
/// RFC 4648 section 5, without padding (as JWS wants it).
std::string base64url_encode(std::span<const std::byte> bytes);

/// Strict: exact alphabet, exact padding, no white space, unused bits zero. Errors: kContent.
Result<std::vector<std::byte>> base64_decode(std::string_view text);
Result<std::vector<std::byte>> base64url_decode(std::string_view text);

}  // namespace mosb
