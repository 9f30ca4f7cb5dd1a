#include "mosb/base/clock.h"

#include <string>

#include <catch2/catch.hpp>

#include "mosb/base/rfc3339.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test

TEST_CASE("times are written and read as RFC 3339", "[base]") {
  const SystemTime time{std::chrono::seconds(1795284641)};
  CHECK(to_rfc3339(time) == "2026-11-21T18:10:41Z");
  for (const char* same : {"2026-11-21T18:10:41Z",
                           "2026-11-21T18:10:41.999999999Z",
                           "2026-11-21T19:40:41+01:30",
                           "2026-11-21T17:10:41-01:00",
                           "2026-11-21T18:10:41+00:00"}) {
    CAPTURE(same);
    REQUIRE(parse_rfc3339(same));
    CHECK(*parse_rfc3339(same) == time);
  }
  CHECK(to_rfc3339(*parse_rfc3339("2024-02-29T00:00:00Z")) == "2024-02-29T00:00:00Z");
  CHECK(to_rfc3339(*parse_rfc3339("0001-01-01T00:00:00Z")) == "0001-01-01T00:00:00Z");
  CHECK(to_rfc3339(*parse_rfc3339("9999-12-31T23:59:59Z")) == "9999-12-31T23:59:59Z");
}

TEST_CASE("what is no RFC 3339 time is refused", "[base]") {
  for (const char* bad : {"",
                          "2026-11-21",
                          "2026-11-21 18:10:41Z",
                          "2026-11-21T18:10:41",
                          "2026-11-21T18:10:41z",
                          "2026-11-21t18:10:41Z",
                          "2026-11-21T18:10:41Z ",
                          "2026-02-29T00:00:00Z",
                          "2026-13-01T00:00:00Z",
                          "2026-00-01T00:00:00Z",
                          "2026-11-31T00:00:00Z",
                          "2026-11-21T24:00:00Z",
                          "2026-11-21T23:60:00Z",
                          "2026-11-21T23:59:60Z",
                          "2026-11-21T18:10:41.Z",
                          "2026-11-21T18:10:41,5Z",
                          "2026-11-21T18:10:41+0100",
                          "2026-11-21T18:10:41+24:00",
                          "2026-11-21T18:10:41+01:60",
                          "26-11-21T18:10:41Z",
                          "+026-11-21T18:10:41Z",
                          "0000-01-01T00:00:00+23:59",
                          "9999-12-31T23:59:59-00:01"}) {
    CAPTURE(bad);
    const auto time = parse_rfc3339(bad);
    REQUIRE_FALSE(time);
    CHECK(time.error().code() == Errc::kContent);
  }
}

TEST_CASE("a fixed clock stands still and the real one is this century's", "[base]") {
  const SystemTime time{std::chrono::seconds(1)};
  CHECK(FixedClock(time).now() == time);
  CHECK(FixedClock(time, time).earliest() == time);
  CHECK(RealClock().now() > *parse_rfc3339("2024-01-01T00:00:00Z"));
}

TEST_CASE("the real clock knows when its program was made", "[base]") {
  const RealClock clock;
  CHECK(clock.earliest() > *parse_rfc3339("2025-12-30T00:00:00Z"));
  CHECK(clock.earliest() < clock.now());
}
