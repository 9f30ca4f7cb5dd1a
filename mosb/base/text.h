#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mosb {

/// Text from outside as it may be shown to a person: control characters and bytes that are not
/// UTF-8 become \xNN, so that no terminal escape and no forged line gets through.
std::string escape(std::string_view text);
/// escape() in single quotes, cut to 200 bytes.
std::string quote(std::string_view text);
/// No byte below 0x20 and no 0x7f.
bool is_printable_line(std::string_view text);
/// Valid UTF-8 without surrogates and overlong forms.
bool is_utf8(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
/// The candidate within an edit distance that a typing error explains, or "".
std::string nearest_name(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace mosb
