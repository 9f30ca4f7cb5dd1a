#include "mosb/base/byte_size.h"

#include <cstdint>
#include <limits>
#include <string>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

/// What a unit stands for, or 0.
std::uint64_t unit_of(std::string_view name) {
  constexpr std::string_view kLetters = "KMGT";
  const std::size_t power = name.empty() ? std::string_view::npos : kLetters.find(name.front());
  if (power == std::string_view::npos) {
    return 0;
  }
  const std::string_view rest = name.substr(1);
  const bool binary = rest == "i" || rest == "iB";
  if (!binary && !rest.empty() && rest != "B") {
    return 0;
  }
  std::uint64_t unit = 1;
  for (std::size_t i = 0; i <= power; ++i) {
    unit *= binary ? kKiB : 1000;
  }
  return unit;
}

}  // namespace

Result<ByteCount> parse_byte_size(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  const std::uint64_t unit = digits == std::string_view::npos ? 0 : unit_of(text.substr(digits));
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto count = parse_uint(text.substr(0, digits), 0, unit == 0 ? 0 : kMost / unit);
  if (unit == 0 || !count) {
    return Error(Errc::kContent,
                 quote(text) + " is not a size with a unit, like 512M, 64MiB or 30G");
  }
  return ByteCount{*count * unit};
}

}  // namespace mosb
