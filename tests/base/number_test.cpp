#include "mosb/base/number.h"

#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/base/byte_size.h"
#include "mosb/base/duration.h"
#include "mosb/base/signal_name.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test
using namespace std::chrono_literals;

TEST_CASE("numbers are digits within the range and nothing else", "[base]") {
  CHECK(*parse_uint("0", 0, 10) == 0);
  CHECK(*parse_uint("18446744073709551615", 0, UINT64_MAX) == UINT64_MAX);
  for (const char* bad : {"",
                          "+1",
                          "-1",
                          "01",
                          "00",
                          "1 ",
                          " 1",
                          "1.0",
                          "0x1",
                          "1e1",
                          "11",
                          "a",
                          "18446744073709551616",
                          "99999999999999999999999"}) {
    CAPTURE(bad);
    const auto number = parse_uint(bad, 0, 10);
    REQUIRE_FALSE(number);
    CHECK(number.error().code() == Errc::kContent);
  }
  CHECK_FALSE(parse_uint("0", 1, 10));
  CHECK(parse_uint("70000", 1, 65535).error().message() ==
        "'70000' is not a number from 1 to 65535");
}

TEST_CASE("durations are whole numbers with units, longest first", "[base]") {
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("15s") == 15s);
  CHECK(*parse_duration("1h30m") == 90min);
  CHECK(*parse_duration("7d") == 168h);
  CHECK(*parse_duration("720h") == 720h);
  CHECK(*parse_duration("0s") == 0ms);
  CHECK(*parse_duration("1m1ms") == 60001ms);
  for (const char* bad : {"",
                          "15",
                          "s",
                          "1.5s",
                          "-1s",
                          "+1s",
                          "1 s",
                          "1s ",
                          "30m1h",
                          "1s1s",
                          "1S",
                          "01s",
                          "1us",
                          "1w",
                          "99999999999999999999s",
                          "36601d",
                          "1d1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("a duration's text reads back as the same duration", "[base]") {
  for (const auto& duration :
       std::vector<std::chrono::milliseconds>{0ms, 1ms, 999ms, 1s, 90s, 1h, 25h, 24h * 365 + 1ms}) {
    CAPTURE(duration_text(duration));
    CHECK(*parse_duration(duration_text(duration)) == duration);
  }
  CHECK(duration_text(90s) == "1m30s");
}

TEST_CASE("sizes have a unit, of a thousand or of 1024", "[base]") {
  CHECK(parse_byte_size("512M")->value == 512'000'000);
  CHECK(parse_byte_size("1KB")->value == 1000);
  CHECK(parse_byte_size("64MiB")->value == 64 * kMiB);
  CHECK(parse_byte_size("3Gi")->value == 3 * kGiB);
  CHECK(parse_byte_size("30G")->value == 30'000'000'000);
  CHECK(parse_byte_size("2T")->value == 2'000'000'000'000);
  for (const char* bad : {"",
                          "512",
                          "M",
                          "-1M",
                          "1.5M",
                          "1 M",
                          "1M ",
                          "1m",
                          "1Mb",
                          "1MIB",
                          "1P",
                          "1B",
                          "01M",
                          "99999999T",
                          "1Mi B"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_byte_size(bad));
  }
}

TEST_CASE("signals have the names and numbers that images use", "[base]") {
  const std::vector<std::pair<std::string, int>> signals{{"SIGTERM", SIGTERM},
                                                         {"TERM", SIGTERM},
                                                         {"15", 15},
                                                         {"SIGKILL", SIGKILL},
                                                         {"SIGRTMIN", 34},
                                                         {"SIGRTMIN+3", 37},
                                                         {"RTMAX-1", 63},
                                                         {"64", 64}};
  for (const auto& [name, number] : signals) {
    CAPTURE(name);
    REQUIRE(parse_signal(name));
    CHECK(*parse_signal(name) == number);
    CHECK(*parse_signal(signal_name(number)) == number);
  }
  for (const char* bad : {"",
                          "SIG",
                          "sigterm",
                          "SIGFOO",
                          "0",
                          "65",
                          "-1",
                          "SIGRTMIN-1",
                          "SIGRTMIN+",
                          "SIGRTMIN+31",
                          "SIGRTMAX+1",
                          "SIGRTMIN+0",
                          "TERM\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_signal(bad));
  }
}
