#include <catch2/catch.hpp>

#include "mosb/net/address_pool.h"
#include "mosb/net/mac_address.h"
#include "mosb/net/network_spec.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

IpAddress ip(const std::string& text) {
  return must(IpAddress::parse(text));
}
IpPrefix prefix(const std::string& text) {
  return must(IpPrefix::parse(text));
}

}  // namespace

TEST_CASE("an address is read and printed in one form", "[net]") {
  CHECK(ip("10.0.3.1").str() == "10.0.3.1");
  CHECK(ip("FD00:0:0::0001").str() == "fd00::1");
  CHECK(ip("::").str() == "::");
  CHECK(ip("255.255.255.255") < ip("::"));
  for (const char* text : {"",
                           "10.0.3",
                           "10.0.3.256",
                           "010.0.3.1",
                           "10.0.3.1 ",
                           "0x0a000301",
                           "fe80::1%eth0",
                           "::ffff:1.2.3.4",
                           "1::2::3",
                           "[::1]",
                           "localhost"}) {
    INFO(text);
    const auto refused = IpAddress::parse(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kManifest);
    CHECK(refused.error().message().find("'" + std::string(text) + "'") == 0);
  }
  CHECK_FALSE(IpAddress::parse(std::string_view("10.0.3.1\0", 9)));
}

TEST_CASE("an address knows whether it is nobody's or only its host's", "[net]") {
  for (const char* text : {"127.0.0.1", "127.255.255.255", "::1"}) {
    INFO(text);
    CHECK(ip(text).is_loopback());
    CHECK_FALSE(ip(text).is_unspecified());
  }
  for (const char* text : {"0.0.0.0", "::"}) {
    INFO(text);
    CHECK(ip(text).is_unspecified());
    CHECK_FALSE(ip(text).is_loopback());
  }
  for (const char* text : {"126.255.255.255", "128.0.0.0", "0.0.0.1", "::2", "7f00::1"}) {
    INFO(text);
    CHECK_FALSE(ip(text).is_loopback());
    CHECK_FALSE(ip(text).is_unspecified());
  }
}

TEST_CASE("an address of the kernel's bytes is that address", "[net]") {
  for (const char* text : {"10.0.3.99", "fd00:3::99"}) {
    CHECK(IpAddress::of(ip(text).bytes()) == ip(text));
  }
}

TEST_CASE("a prefix knows its network", "[net]") {
  CHECK(prefix("10.0.3.99/24").first() == ip("10.0.3.0"));
  CHECK(prefix("10.0.3.99/24").last() == ip("10.0.3.255"));
  CHECK(prefix("10.0.3.99/20").first() == ip("10.0.0.0"));
  CHECK(prefix("10.0.3.99/0").last() == ip("255.255.255.255"));
  CHECK(prefix("fd00:3::99/65").last() == ip("fd00:3::7fff:ffff:ffff:ffff"));
  CHECK(prefix("10.0.3.1/24").contains(ip("10.0.3.255")));
  CHECK_FALSE(prefix("10.0.3.1/24").contains(ip("10.0.4.0")));
  CHECK_FALSE(prefix("0.0.0.0/0").contains(ip("::")));
  CHECK(prefix("10.0.3.1/24").str() == "10.0.3.1/24");
  for (const char* text : {"10.0.3.1",
                           "10.0.3.1/33",
                           "10.0.3.1/",
                           "10.0.3.1/-1",
                           "10.0.3.1/024",
                           "/24",
                           "fd00::/129",
                           "10.0.3.1/24/"}) {
    INFO(text);
    CHECK_FALSE(IpPrefix::parse(text));
  }
}

TEST_CASE("a host's address lies inside and is nobody's own", "[net]") {
  const IpPrefix bridge = prefix("10.0.3.1/24");
  CHECK(check_member(ip("10.0.3.2"), bridge));
  CHECK(check_member(ip("fd00:3::2"), prefix("fd00:3::1/64")));
  for (const char* text : {"10.0.3.0", "10.0.3.1", "10.0.3.255", "10.0.4.2", "fd00::2"}) {
    INFO(text);
    const Status refused = check_member(ip(text), bridge);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kManifest);
  }
}

TEST_CASE("a name keeps its address, and a full network has none", "[net]") {
  const IpPrefix bridge = prefix("10.0.3.1/29");
  std::set<IpAddress> taken;
  const IpAddress first = must(choose_address(bridge, taken, "web"));
  CHECK(must(choose_address(bridge, taken, "web")) == first);
  for (int i = 0; i < 5; ++i) {
    const IpAddress address = must(choose_address(bridge, taken, "web"));
    CHECK(check_member(address, bridge));
    CHECK(taken.insert(address).second);
  }
  const auto none = choose_address(bridge, taken, "web");
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::kNetSetup);
  CHECK(check_member(must(choose_address(prefix("fd00:3::1/64"), {}, "web")),
                     prefix("fd00:3::1/64")));
  CHECK_FALSE(choose_address(prefix("10.0.3.1/32"), {}, "web"));
}

TEST_CASE("a derived MAC address is local, one card's, and always the same", "[net]") {
  const MacAddress mac = MacAddress::derived_from("0badcafe/web");
  CHECK(mac == MacAddress::derived_from("0badcafe/web"));
  CHECK_FALSE(mac == MacAddress::derived_from("0badcafe/db"));
  CHECK((mac.bytes[0] & 3U) == 2);
  const MacAddress known{{0x02, 0x00, 0x5e, 0x10, 0x00, 0xff}};
  CHECK(known.str() == "02:00:5e:10:00:ff");
  CHECK(known.link_local().str() == "fe80::5eff:fe10:ff");
}

TEST_CASE("a device's name fits the kernel and its tag tells whose it is", "[net]") {
  CHECK(device_name("0badcafe", std::string(200, 'x')).size() == 10);
  CHECK(device_name("0badcafe", "a") != device_name("0badcafe", "b"));
  CHECK(device_tag("0badcafe", "a") == "mosb:0badcafe:service:a");
  CHECK(bridge_tag("0badcafe") == "mosb:0badcafe:bridge");
}
