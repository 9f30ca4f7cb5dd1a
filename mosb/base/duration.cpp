#include "mosb/base/duration.h"

#include <array>
#include <cstdint>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

constexpr std::array<Unit, 5> kUnits{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t kMost = 100 * 366 * kUnits[0].milliseconds;

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const Error malformed(Errc::kContent, quote(text) + " is not a duration like 15s, 2m or 1h30m");
  std::string_view rest = text;
  std::size_t next_unit = 0;
  std::int64_t total = 0;
  do {
    const std::size_t digits = rest.find_first_not_of("0123456789");
    if (digits == std::string_view::npos) {
      return malformed;
    }
    const std::size_t end = rest.find_first_of("0123456789", digits);
    const std::string_view name = rest.substr(digits, end - digits);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != name) {
      ++next_unit;
    }
    const auto count = parse_uint(rest.substr(0, digits), 0, kMost);
    if (next_unit == kUnits.size() || !count) {
      return malformed;
    }
    const std::int64_t unit = kUnits[next_unit++].milliseconds;
    if (static_cast<std::int64_t>(*count) > (kMost - total) / unit) {
      return malformed;
    }
    total += static_cast<std::int64_t>(*count) * unit;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  } while (!rest.empty());
  return std::chrono::milliseconds(total);
}

std::string duration_text(std::chrono::milliseconds duration) {
  std::int64_t rest = duration.count();
  std::string text;
  for (const Unit& unit : kUnits) {
    if (rest >= unit.milliseconds) {
      text += std::to_string(rest / unit.milliseconds) + std::string(unit.name);
      rest %= unit.milliseconds;
    }
  }
  return text.empty() ? "0s" : text;
}

}  // namespace mosb
