#include "lxc/log_times.h"

#include <catch2/catch.hpp>

using namespace mosb;
using namespace mosb::lxc;

namespace {

LogTime at(long seconds, std::uint64_t offset) {
  return {SystemTime(std::chrono::seconds(seconds)), offset};
}

SystemTime time(long seconds) {
  return SystemTime(std::chrono::seconds(seconds));
}

}  // namespace

TEST_CASE("times of a log are read back, and lines that are none are passed over", "[lxc]") {
  const std::string text = print_log_time(at(100, 0)) + print_log_time(at(101, 4096));
  CHECK(parse_log_times(text) == std::vector<LogTime>{at(100, 0), at(101, 4096)});
  CHECK(parse_log_times("").empty());
  CHECK(
      parse_log_times("\n100 5\n1 2 3\n-1 5\n5 -1\nx 5\n99999999999999 5\n5 99999999999999999999\n"
                      "102 6") == std::vector<LogTime>{at(100, 5), at(102, 6)});
}

TEST_CASE("what was printed since a time is found, or a little more", "[lxc]") {
  const std::vector<LogTime> times{at(100, 0), at(110, 50), at(120, 70)};
  CHECK(offset_since(times, time(99)) == 0);
  CHECK(offset_since(times, time(100)) == 0);
  // What was printed at 105 lies before the 50th byte; what was printed at 110 does not.
  CHECK(offset_since(times, time(105)) == 0);
  CHECK(offset_since(times, time(110)) == 50);
  CHECK(offset_since(times, time(111)) == 50);
  CHECK(offset_since(times, time(500)) == 70);
  CHECK(offset_since({at(100, 0), at(900, 50)}, time(109)) == 0);
  CHECK(offset_since({at(100, 0), at(900, 50)}, time(300)) == 50);
  CHECK(offset_since({}, time(100)) == 0);
  // The clock was set back: rather more than less.
  CHECK(offset_since({at(100, 0), at(200, 50), at(90, 70), at(95, 90)}, time(150)) == 50);
}

TEST_CASE("an older log is looked at where this one does not reach back far enough", "[lxc]") {
  CHECK(reaches_back_to({at(100, 0)}, time(101)));
  CHECK_FALSE(reaches_back_to({at(100, 0)}, time(100)));
  CHECK_FALSE(reaches_back_to({at(100, 0)}, time(50)));
  CHECK_FALSE(reaches_back_to({}, time(100)));
}
