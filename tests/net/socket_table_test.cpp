#include "mosb/net/socket_table.h"

#include <catch2/catch.hpp>

#include "mosb/net/socket_conflict.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

constexpr char kTcp[] =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode                                                     \n"
    "   0: 3500007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 "
    "17234 1 0000000000000000 100 0 0 10 5\n"
    "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "19 1 0000000000000000 100 0 0 10 0\n"
    "   2: 0100007F:0016 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 "
    "20 1 0000000000000000 100 0 0 10 0\n";
constexpr char kTcp6[] =
    "   0: 00000000000000000000000000000000:1388 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 21 1 0 100 0 0 10 0\n"
    "   1: B80D0120000000000000000001000000:0050 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 22 1 0 100 0 0 10 0\n"
    "   2: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000     0        0 23 1 0 100 0 0 10 0\n";
constexpr char kUdp[] =
    " 1234: 0103000A:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 "
    "24 2 0000000000000000 0\n"
    " 1235: 0103000A:8000 08080808:0035 01 00000000:00000000 00:00000000 00000000     0        0 "
    "25 2 0000000000000000 0\n";

ListeningSocket at(const std::string& address) {
  return {.protocol = Protocol::kTcp,
          .address = must(IpAddress::parse(address)),
          .port = 80,
          .inode = 1};
}

bool conflict(const std::string& listener, const std::string& host_ip) {
  PortForward forward{.protocol = Protocol::kTcp, .host_ip = {}, .host_port = 80, .port = 1};
  if (!host_ip.empty()) {
    forward.host_ip = must(IpAddress::parse(host_ip));
  }
  return conflicts(at(listener), forward);
}

}  // namespace

TEST_CASE("the kernel's tables name who waits, and who only talks is passed over", "[net]") {
  const auto four = parse_socket_table(kTcp, Protocol::kTcp);
  REQUIRE(four.size() == 2);
  CHECK(four[0].address.str() == "127.0.0.53");
  CHECK(four[0].port == 53);
  CHECK(four[0].inode == 17234);
  CHECK(four[1].address.str() == "0.0.0.0");
  const auto six = parse_socket_table(kTcp6, Protocol::kTcp);
  REQUIRE(six.size() == 3);
  CHECK(six[0].address.str() == "::");
  CHECK(six[0].port == 5000);
  CHECK(six[1].address.str() == "2001:db8::1");
  CHECK(six[2].address.str() == "127.0.0.1");
  const auto udp = parse_socket_table(kUdp, Protocol::kUdp);
  REQUIRE(udp.size() == 1);
  CHECK(udp[0].address.str() == "10.0.3.1");
  CHECK(udp[0].port == 53);
}

TEST_CASE("lines that are no entries are passed over", "[net]") {
  const std::string good = "0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 19";
  REQUIRE(parse_socket_table(good, Protocol::kTcp).size() == 1);
  CHECK(parse_socket_table(good, Protocol::kUdp).empty());
  for (const char* line :
       {"",
        "\n\n",
        "0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0",
        "0: 0000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 19",
        "0: 0000000g:0016 00000000:0000 0A 0:0 0:0 0 0 0 19",
        "0: 00000000:10016 00000000:0000 0A 0:0 0:0 0 0 0 19",
        "0: 00000000: 00000000:0000 0A 0:0 0:0 0 0 0 19",
        "0: 00000000 00000000:0000 0A 0:0 0:0 0 0 0 19",
        "0: : 00000000:0000 0A 0:0 0:0 0 0 0 19",
        "0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 -19",
        "0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 18446744073709551616"}) {
    INFO(line);
    CHECK(parse_socket_table(line, Protocol::kTcp).empty());
  }
}

TEST_CASE("a service is reached where it listens", "[net]") {
  const IpAddress own = must(IpAddress::parse("10.0.3.99"));
  const IpAddress own6 = must(IpAddress::parse("fd00:3::99"));
  const auto reached = [&](const char* listener, const IpAddress& address) {
    return reached_at({at(listener)}, Protocol::kTcp, address, 80);
  };
  CHECK(reached("0.0.0.0", own) == Reached::kYes);
  CHECK(reached("::", own) == Reached::kYes);
  CHECK(reached("10.0.3.99", own) == Reached::kYes);
  CHECK(reached("0.0.0.0", own6) == Reached::kNo);
  CHECK(reached("127.0.0.1", own) == Reached::kOnlyLoopback);
  CHECK(reached("::1", own6) == Reached::kOnlyLoopback);
  CHECK(reached("10.0.3.98", own) == Reached::kNo);
  CHECK(reached_at({at("0.0.0.0")}, Protocol::kUdp, own, 80) == Reached::kNo);
  CHECK(reached_at({at("0.0.0.0")}, Protocol::kTcp, own, 81) == Reached::kNo);
  CHECK(reached_at({at("127.0.0.1"), at("::")}, Protocol::kTcp, own, 80) == Reached::kYes);
}

TEST_CASE("a forward is refused where it would take somebody's traffic, and only there", "[net]") {
  CHECK(conflict("0.0.0.0", ""));
  CHECK(conflict("0.0.0.0", "192.0.2.1"));
  CHECK(conflict("::", "192.0.2.1"));
  CHECK(conflict("::", "2001:db8::1"));
  CHECK(conflict("127.0.0.1", ""));
  CHECK(conflict("127.0.0.1", "127.0.0.1"));
  CHECK(conflict("127.0.0.53", ""));
  CHECK(conflict("10.0.3.1", ""));
  CHECK_FALSE(conflict("127.0.0.53", "127.0.0.1"));
  CHECK_FALSE(conflict("127.0.0.1", "192.0.2.1"));
  CHECK_FALSE(conflict("0.0.0.0", "2001:db8::1"));
  CHECK_FALSE(conflict("::1", ""));
}
