#include "lxc/log_times.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr std::uint64_t kLatest = 1ULL << 40U;

std::optional<LogTime> parse_line(const std::string& line) {
  const std::vector<std::string> fields = split(line, ' ');
  if (fields.size() != 2) {
    return std::nullopt;
  }
  const auto seconds = parse_uint(fields[0], 0, kLatest);
  const auto offset = parse_uint(fields[1], 0, std::numeric_limits<std::int64_t>::max());
  if (!seconds || !offset) {
    return std::nullopt;
  }
  return LogTime{SystemTime(std::chrono::seconds(*seconds)), *offset};
}

}  // namespace

std::string log_times_name(const std::string& name) {
  return name + ".times";
}

bool is_worth_a_time(const LogTime& last, const LogTime& now) {
  if (now.at < last.at) {
    return true;
  }
  const auto passed = now.at - last.at;
  return passed >= kLogTimePatience ||
         (passed >= kLogTimePause && now.offset - last.offset >= kLogTimeBytes);
}

std::string print_log_time(const LogTime& time) {
  return std::to_string(time.at.time_since_epoch().count()) + " " + std::to_string(time.offset) +
         "\n";
}

std::vector<LogTime> parse_log_times(std::string_view text) {
  std::vector<LogTime> times;
  for (const std::string& line : split(text, '\n')) {
    if (const auto time = parse_line(line)) {
      times.push_back(*time);
    }
  }
  return times;
}

std::uint64_t offset_since(const std::vector<LogTime>& times, SystemTime since) {
  const auto later = std::ranges::find_if(times, [&](const LogTime& t) { return t.at >= since; });
  if (later == times.begin()) {
    return 0;
  }
  const LogTime& before = *std::prev(later);
  // What was written without a time of its own came soon after the one before.
  const bool is_behind = later != times.end() && before.at + kLogTimePatience <= since;
  return is_behind ? later->offset : before.offset;
}

bool reaches_back_to(const std::vector<LogTime>& times, SystemTime since) {
  return !times.empty() && times.front().at < since;
}

}  // namespace mosb::lxc
