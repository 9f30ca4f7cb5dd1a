#include <catch2/catch.hpp>

#include "mosb/net/claim_frame.h"
#include "mosb/net/dhcp_leases.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

constexpr MacAddress kMac{{2, 0, 0, 0, 0, 1}};
const SystemTime kNow{std::chrono::seconds(1'700'000'000)};

IpAddress ip(const char* text) {
  return must(IpAddress::parse(text));
}

std::vector<std::string> addresses(std::string_view text) {
  std::vector<std::string> out;
  for (const DhcpLease& lease : parse_dhcp_leases(text, kNow)) {
    out.push_back(lease.address.str());
  }
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("leases that dnsmasq wrote are those that are not over", "[net]") {
  CHECK(addresses("1700000001 00:16:3e:00:00:01 10.0.3.7 c1 01:00:16:3e:00:00:01\n"
                  "1699999999 00:16:3e:00:00:02 10.0.3.8 c2 *\n"
                  "0 00:16:3e:00:00:03 10.0.3.9 * *\n"
                  "duid 00:01:00:01:2d:00:00:00\n"
                  "1700000001 T4567 fd00:3::7 c1 00:01\n") ==
        Texts{"10.0.3.7", "10.0.3.9", "fd00:3::7"});
  CHECK(addresses("").empty());
}

TEST_CASE("lines that are no lease, or were cut while they were written, count for nothing",
          "[net]") {
  for (const char* line : {"1700000001 00:16:3e:00:00:01 10.0.3.7 c1",
                           "1700000001 00:16:3e:00:00:01 10.0.3.7",
                           "1700000001 00:16:3e:00:00:01 10.0.3. c1 *",
                           "1700000001 00:16:3e:00:00:01 10.0.3.256 c1 *",
                           "1700000001 00:16:3e:00:00:01 ::ffff:10.0.3.7 c1 *",
                           "1700000001  10.0.3.7 c1 *",
                           "-1 00:16:3e:00:00:01 10.0.3.7 c1 *",
                           "99999999999999999999 00:16:3e:00:00:01 10.0.3.7 c1 *",
                           "soon 00:16:3e:00:00:01 10.0.3.7 c1 *",
                           "1700000001 00:16:3e:00:00:01 10.0.3.7 c1 * more",
                           "1700000001 00:16:3e:00:00:01 10.0.3.7 c\x1b[2J *"}) {
    CAPTURE(line);
    CHECK(addresses(line).empty());
    CHECK(addresses(std::string(line) + "\n0 00:16:3e:00:00:03 10.0.3.9 * *\n") ==
          Texts{"10.0.3.9"});
  }
}

TEST_CASE("a question about an address is one that claims it, as everybody who hears it sees",
          "[net]") {
  for (const char* text : {"10.0.3.7", "fd00:3::12:3456"}) {
    const auto claim = claim_in(question_frame(ip(text), kMac));
    REQUIRE(claim);
    CHECK(*claim == Neighbour{ip(text), kMac});
  }
}

TEST_CASE("an answer names who has the address, and broken frames say nothing", "[net]") {
  std::vector<std::uint8_t> arp = question_frame(ip("10.0.3.1"), kMac);
  arp[14 + 7] = 2;
  arp[14 + 14] = 10;
  arp[14 + 16] = 3;
  arp[14 + 17] = 9;
  CHECK(claim_in(arp) == Neighbour{ip("10.0.3.9"), kMac});
  std::vector<std::uint8_t> advertisement = question_frame(ip("fd00:3::7"), kMac);
  advertisement[14 + 40] = 136;
  CHECK(claim_in(advertisement) == Neighbour{ip("fd00:3::7"), kMac});
  const std::vector<std::uint8_t> option{2, 1, 2, 0, 0, 0, 0, 2};
  advertisement.insert(advertisement.end(), option.begin(), option.end());
  CHECK(claim_in(advertisement) == Neighbour{ip("fd00:3::7"), MacAddress{{2, 0, 0, 0, 0, 2}}});
  for (std::size_t size = 0; size < 14 + 28; ++size) {
    CHECK_FALSE(claim_in(std::span(arp).first(size)));
  }
  for (std::size_t size = 0; size < 14 + 40 + 24; ++size) {
    CHECK_FALSE(claim_in(std::span(advertisement).first(size)));
  }
  // What could have come from another network, or asks for somebody else's address.
  advertisement[14 + 7] = 254;
  CHECK_FALSE(claim_in(advertisement));
  std::vector<std::uint8_t> question = question_frame(ip("fd00:3::7"), kMac);
  question[14 + 8] = 0xfe;
  CHECK_FALSE(claim_in(question));
  arp[14 + 7] = 3;
  CHECK_FALSE(claim_in(arp));
}
