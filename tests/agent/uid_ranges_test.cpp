#include "mosb/agent/uid_ranges.h"

#include <catch2/catch.hpp>

using namespace mosb::agent;

TEST_CASE("the first range lies at 2^29 when nobody uses ids there", "[uid]") {
  const auto range = choose_range({});
  REQUIRE(range);
  CHECK(*range == 536870912);
}

TEST_CASE("a range that somebody else maps is passed over, even if it only touches", "[uid]") {
  SECTION("a range that begins in ours") {
    const auto range = choose_range({{kFirstRange + 65535, 10}});
    REQUIRE(range);
    CHECK(*range == kFirstRange + 2 * kRangeSize);
  }
  SECTION("a range that ends in ours") {
    const auto range = choose_range({{100000, kFirstRange - 100000 + 1}});
    REQUIRE(range);
    CHECK(*range == kFirstRange + kRangeSize);
  }
  SECTION("a range that ends just before ours") {
    const auto range = choose_range({{100000, kFirstRange - 100000}});
    REQUIRE(range);
    CHECK(*range == kFirstRange);
  }
}

TEST_CASE("the first gap that holds a whole range is chosen, in whatever order others are named",
          "[uid]") {
  const auto range = choose_range({{kFirstRange + 4 * kRangeSize, kRangeSize},
                                   {kFirstRange, 3 * kRangeSize},
                                   {kFirstRange + 100, 50},
                                   {kFirstRange + 3 * kRangeSize + 7, 1}});
  REQUIRE(range);
  CHECK(*range == kFirstRange + 5 * kRangeSize);
}

TEST_CASE("the last range of all is given away, too, and nothing behind it", "[uid]") {
  const std::uint64_t last = kLastRange - kLastRange % kRangeSize;
  const auto range = choose_range({{kFirstRange, last - kFirstRange}});
  REQUIRE(range);
  CHECK(*range == last);
  CHECK_FALSE(choose_range({{kFirstRange, last - kFirstRange + 1}}));
}

TEST_CASE("a host without a free range is refused instead of wrapping to low ids", "[uid]") {
  const auto range = choose_range({{kFirstRange, 0xffffffffULL}});
  REQUIRE_FALSE(range);
  CHECK(range.error().code() == mosb::Errc::kResource);
}

TEST_CASE("ranges of /etc/subuid are read and nonsense is passed over", "[uid]") {
  const auto taken =
      parse_subid("root:100000:65536\n# comment\nbad:line\nx:-1:5\nu:536870912:10\n");
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].first == 100000);
  CHECK(taken[0].count == 65536);
  CHECK(taken[1].first == 536870912);
}

TEST_CASE("a uid map gives the ids on the host's side", "[uid]") {
  const auto taken = parse_uid_map("         0  536870912      65536\n");
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].first == 536870912);
  CHECK(taken[0].count == 65536);
}
