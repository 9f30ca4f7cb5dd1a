#include "mosb/base/number.h"

#include <charconv>
#include <string>

#include "mosb/base/text.h"

namespace mosb {

Result<std::uint64_t> parse_uint(std::string_view text, std::uint64_t min, std::uint64_t max) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, errc] = std::from_chars(text.data(), end, value);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (text.empty() || errc != std::errc{} || stop != end || leading_zero || value < min ||
      value > max) {
    return Error(Errc::kContent,
                 quote(text) + " is not a number from " + std::to_string(min) + " to " +
                     std::to_string(max));
  }
  return value;
}

}  // namespace mosb
