#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb::verity {

/// Text of any bytes as one word of the scanner's answers: hexadecimal, "-" if empty, cut behind
/// `most` bytes.
std::string encode_scan_word(std::string_view text, std::size_t most);
/// Strict, and no longer than `most` bytes. NUL is refused. Errors: kVerity.
Result<std::string> decode_scan_word(std::string_view word, std::size_t most);

}  // namespace mosb::verity
