#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/clock.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// When a log reached a size. The bytes of a log are the service's own, so the times lie in a file
/// beside it, NAME.times, as lines "SECONDS OFFSET".
struct LogTime {
  SystemTime at;
  std::uint64_t offset = 0;
  bool operator==(const LogTime&) const = default;
};

/// The file for the log `name`.
std::string log_times_name(const std::string& name);
/// No times are added to a file that is longer: some 45,000 are there then.
constexpr ByteCount kMaxLogTimes{1 * kMiB};

/// What a log's file shall have at the least between two times.
constexpr std::chrono::seconds kLogTimePause{1};
constexpr std::uint64_t kLogTimeBytes = 256;
/// After that long fewer bytes will do.
constexpr std::chrono::seconds kLogTimePatience{10};

/// Whether a write at `now` is worth a time: also where the clock was set back.
bool is_worth_a_time(const LogTime& last, const LogTime& now);

std::string print_log_time(const LogTime& time);
/// In the order of the file. Lines that are none, as a crash may leave, are passed over.
std::vector<LogTime> parse_log_times(std::string_view text);

/// Where in a log what was written at `since` or later begins, or some bytes before; 0 where that
/// is not known.
std::uint64_t offset_since(const std::vector<LogTime>& times, SystemTime since);
/// Whether all that was written at `since` or later is in this file or in a younger one.
bool reaches_back_to(const std::vector<LogTime>& times, SystemTime since);

}  // namespace mosb::lxc
