#include "mosb/base/user_namespace.h"

#include <catch2/catch.hpp>

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test

TEST_CASE("ids are there when the lines of the map cover all of them", "[base]") {
  constexpr const char* kHost = "         0          0 4294967295\n";
  CHECK(maps_ids(kHost, 0, 4'294'967'295));
  constexpr const char* kOne = "         0       1000          1\n";
  CHECK(maps_ids(kOne, 0, 1));
  CHECK_FALSE(maps_ids(kOne, 0, 2));
  CHECK_FALSE(maps_ids(kOne, 1, 1));
}

TEST_CASE("a map of several lines in any order covers what they cover together", "[base]") {
  constexpr const char* kMap = "1 100000 65535\n0 1000 1\n70000 300000 10\n";
  CHECK(maps_ids(kMap, 0, 65'536));
  CHECK_FALSE(maps_ids(kMap, 0, 65'537));
  CHECK(maps_ids(kMap, 70'000, 10));
  CHECK_FALSE(maps_ids(kMap, 65'530, 4'480));
}

TEST_CASE("a text that is no map covers nothing", "[base]") {
  CHECK_FALSE(maps_ids("", 0, 1));
  CHECK_FALSE(maps_ids("0 0\n", 0, 1));
  CHECK_FALSE(maps_ids("0 0 99999999999\n", 0, 1));
  CHECK_FALSE(maps_ids("-1 0 5\n", 0, 1));
}
