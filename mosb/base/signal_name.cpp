#include "mosb/base/signal_name.h"

#include <csignal>
#include <cstdint>
#include <cstring>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

constexpr int kLastStandard = 31;
// The kernel's numbers: glibc's SIGRTMIN leaves out those that it keeps for itself, but an image
// may have been made for another C library, and "SIGRTMIN+3" means 34 + 3 everywhere.
constexpr int kRtMin = 34;
constexpr int kRtMax = 64;

}  // namespace

Result<int> parse_signal(std::string_view text) {
  const Error unknown(Errc::kContent, quote(text) + " is not a signal");
  if (const auto number = parse_uint(text, 1, kRtMax)) {
    return static_cast<int>(*number);
  }
  std::string_view name = text;
  if (name.substr(0, 3) == "SIG") {
    name.remove_prefix(3);
  }
  for (int signal = 1; signal <= kLastStandard; ++signal) {
    const char* const standard = ::sigabbrev_np(signal);
    if (standard != nullptr && name == standard) {
      return signal;
    }
  }
  for (const auto& [base, first] : {std::pair<std::string_view, int>{"RTMIN", kRtMin},
                                    std::pair<std::string_view, int>{"RTMAX", kRtMax}}) {
    if (name.substr(0, base.size()) != base) {
      continue;
    }
    const std::string_view offset = name.substr(base.size());
    if (offset.empty()) {
      return first;
    }
    const bool up = first == kRtMin;
    const auto steps = parse_uint(offset.substr(1), 1, kRtMax - kRtMin);
    if (offset.front() == (up ? '+' : '-') && steps) {
      return up ? first + static_cast<int>(*steps) : first - static_cast<int>(*steps);
    }
  }
  return unknown;
}

std::string signal_name(int signal) {
  const char* const name = signal <= kLastStandard ? ::sigabbrev_np(signal) : nullptr;
  return name != nullptr ? name : std::to_string(signal);
}

}  // namespace mosb
