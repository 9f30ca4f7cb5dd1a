#include "mosb/cli/log_flags.h"

#include <chrono>
#include <limits>

#include "mosb/base/duration.h"
#include "mosb/base/number.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"

namespace mosb::cli {

namespace {

constexpr unsigned kDefaultTail = 200;

Result<unsigned> parse_tail(const std::string& text) {
  if (const auto lines = parse_uint(text, 0, std::numeric_limits<unsigned>::max())) {
    return static_cast<unsigned>(*lines);
  }
  return Error(Errc::kUsage, "--tail " + quote(text) + " is no number of lines");
}

Result<SystemTime> parse_since(const std::string& text, const Clock& clock) {
  if (const auto time = parse_rfc3339(text)) {
    return *time;
  }
  if (const auto ago = parse_duration(text)) {
    return clock.now() - std::chrono::ceil<std::chrono::seconds>(*ago);
  }
  return Error(Errc::kUsage, "--since " + quote(text) + " is neither a time nor a duration")
      .with_hint("write 2026-11-21T18:10:41Z, or 15m for what came in the last 15 minutes");
}

}  // namespace

void add_log_flags(Command& command, LogFlags& flags) {
  command.flag("-f,--follow", flags.follow, "Go on as more is printed");
  command.option("--tail", flags.tail, "Lines from the end, of older log files, too; 0: none")
      .shows_default("200, or all with --since");
}

void add_since_flag(Command& command, LogFlags& flags) {
  command.option("--since", flags.since, "What was printed since a time, or in the last e.g. 15m");
}

Result<LogRequest> log_request(const LogFlags& flags, const Clock& clock) {
  LogRequest request;
  request.follow = flags.follow;
  if (!flags.since.empty()) {
    request.since = MOSB_TRY(parse_since(flags.since, clock));
  }
  if (!flags.tail.empty()) {
    request.tail = MOSB_TRY(parse_tail(flags.tail));
  } else if (!request.since) {
    request.tail = kDefaultTail;
  }
  return request;
}

}  // namespace mosb::cli
