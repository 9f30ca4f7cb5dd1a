#include "mosb/base/rfc3339.h"

#include <array>
#include <cstdio>

#include "mosb/base/text.h"

namespace mosb {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads text against a pattern in which 'd' stands for a digit.
bool matches(std::string_view text, std::string_view pattern) {
  if (text.size() < pattern.size()) {
    return false;
  }
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == 'd' ? !is_digit(text[i]) : text[i] != pattern[i]) {
      return false;
    }
  }
  return true;
}

int number(std::string_view text, std::size_t at, std::size_t length) {
  int value = 0;
  for (const char c : text.substr(at, length)) {
    value = value * 10 + (c - '0');
  }
  return value;
}

/// The zone offset in minutes; `zone` is all that follows the seconds.
Result<minutes> parse_zone(std::string_view zone) {
  if (zone == "Z") {
    return minutes(0);
  }
  if (zone.size() == 6 && (matches(zone, "+dd:dd") || matches(zone, "-dd:dd"))) {
    const int hour = number(zone, 1, 2);
    const int minute = number(zone, 4, 2);
    if (hour < 24 && minute < 60) {
      return minutes((zone.front() == '-' ? -1 : 1) * (hour * 60 + minute));
    }
  }
  return Error(Errc::kContent, "no time zone");
}

}  // namespace

std::string to_rfc3339(SystemTime time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 40> text{};
  (void)std::snprintf(text.data(),
                      text.size(),
                      "%04d-%02u-%02uT%02d:%02d:%02dZ",
                      static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()),
                      static_cast<int>(clock.hours().count()),
                      static_cast<int>(clock.minutes().count()),
                      static_cast<int>(clock.seconds().count()));
  return text.data();
}

Result<SystemTime> parse_rfc3339(std::string_view text) {
  const Error malformed(Errc::kContent, quote(text) + " is not an RFC 3339 time");
  if (!matches(text, "dddd-dd-ddTdd:dd:dd")) {
    return malformed;
  }
  const std::chrono::year_month_day date(
      std::chrono::year(number(text, 0, 4)),
      std::chrono::month(static_cast<unsigned>(number(text, 5, 2))),
      std::chrono::day(static_cast<unsigned>(number(text, 8, 2))));
  const int hour = number(text, 11, 2);
  const int minute = number(text, 14, 2);
  const int second = number(text, 17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) {
    return malformed;
  }
  std::string_view rest = text.substr(19);
  if (rest.size() > 1 && rest[0] == '.' && is_digit(rest[1])) {
    rest.remove_prefix(1);
    while (!rest.empty() && is_digit(rest.front())) {
      rest.remove_prefix(1);
    }
  }
  const auto zone = parse_zone(rest);
  if (!zone) {
    return malformed;
  }
  const SystemTime time = SystemTime(std::chrono::sys_days(date)) + hours(hour) + minutes(minute) +
                          seconds(second) - *zone;
  const std::chrono::year_month_day utc(std::chrono::floor<days>(time));
  // An offset can lead out of the years that have four digits.
  if (utc.year() < std::chrono::year(0) || utc.year() > std::chrono::year(9999)) {
    return malformed;
  }
  return time;
}

}  // namespace mosb
