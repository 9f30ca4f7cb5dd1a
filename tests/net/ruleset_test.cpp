#include "mosb/net/ruleset.h"

#include <catch2/catch.hpp>

#include "mosb/net/rules_digest.h"
#include "tests/net/network_fixture.h"

using namespace mosb;
using namespace mosb::net;

namespace {

/// The line that starts so, without leading space.
std::string line(const std::string& text, const std::string& start) {
  const std::size_t at = text.find(start);
  return at == std::string::npos ? "no such line" : text.substr(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("both tables are replaced in one transaction and tagged", "[net]") {
  NetworkFixture host;
  const std::string text = ruleset(host.spec);
  CHECK(text.find("table inet mosb_0badcafe\ndelete table inet mosb_0badcafe\n"
                  "table inet mosb_0badcafe {\n  comment \"mosb 0badcafe\"\n") == 0);
  CHECK(text.find("\ntable bridge mosb_0badcafe\ndelete table bridge mosb_0badcafe\n"
                  "table bridge mosb_0badcafe {\n  comment \"mosb 0badcafe\"\n") !=
        std::string::npos);
  CHECK(ruleset_removal("0badcafe") ==
        "table inet mosb_0badcafe\ndelete table inet mosb_0badcafe\n"
        "table bridge mosb_0badcafe\ndelete table bridge mosb_0badcafe\n");
}

TEST_CASE("a forward goes to the maps that its address asks for", "[net]") {
  NetworkFixture host;
  const std::string device = device_name("0badcafe", "web");
  std::string text = ruleset(host.spec);
  CHECK(line(text, "map any4") ==
        "map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; "
        "elements = { 6 . 80 : 10.0.3.99 . 5000 }; }");
  CHECK(line(text, "map any6").find("{ 6 . 80 : fd00:3::99 . 5000 }") != std::string::npos);
  CHECK(line(text, "map at4").find("elements") == std::string::npos);
  CHECK(line(text, "set macs") == "set macs { type ifname . ether_addr; elements = { \"" + device +
                                      "\" . 02:00:00:00:00:01 }; }");
  host.spec.services[0].forwards = {
      {Protocol::kUdp, must(IpAddress::parse("127.0.0.1")), 53, 5353},
      {Protocol::kTcp, must(IpAddress::parse("2001:db8::1")), 443, 5443}};
  text = ruleset(host.spec);
  CHECK(line(text, "map at4").find("{ 127.0.0.1 . 17 . 53 : 10.0.3.99 . 5353 }") !=
        std::string::npos);
  CHECK(line(text, "map at6").find("{ 2001:db8::1 . 6 . 443 : fd00:3::99 . 5443 }") !=
        std::string::npos);
  CHECK(line(text, "map any4").find("elements") == std::string::npos);
  host.spec.services[0].ipv6.reset();
  text = ruleset(host.spec);
  for (const char* of_six : {"map at6", "map any6", "set services6", "set own6", "map with_ipv6"}) {
    CHECK(line(text, of_six).find("elements") == std::string::npos);
  }
}

TEST_CASE("isolation is by sets, and a service may reach itself", "[net]") {
  NetworkFixture host;
  CHECK(line(ruleset(host.spec), "set isolated4").find("elements") == std::string::npos);
  host.spec.services[0].isolated = true;
  const std::string text = ruleset(host.spec);
  CHECK(line(text, "set isolated4").find("{ 10.0.3.99 }") != std::string::npos);
  CHECK(line(text, "set self6").find("{ fd00:3::99 . fd00:3::99 }") != std::string::npos);
}

TEST_CASE("a name that could say something to nft never gets there", "[net]") {
  NetworkFixture host;
  host.spec.bridge.name = "x\" accept; flush ruleset; \"";
  CHECK_THROWS(ruleset(host.spec));
  CHECK_THROWS(ruleset_removal("x y"));
}

TEST_CASE("a listing is the same whatever the order of the elements, and only then", "[net]") {
  const std::string listing =
      "table inet t {\n\tset s {\n\t\telements = { 10.0.0.1,\n\t\t\t     10.0.0.2 }\n\t}\n"
      "\tchain c {\n\t\tfirst\n\t\tip saddr { 1.1.1.1, 2.2.2.2 } drop\n\t}\n}\n";
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = listing;
    return in_order(text.replace(text.find(from), from.size(), to));
  };
  const std::string same = in_order(listing);
  CHECK(replaced("10.0.0.1,\n\t\t\t     10.0.0.2", "10.0.0.2,\n\t\t\t     10.0.0.1") == same);
  CHECK(replaced("1.1.1.1, 2.2.2.2", "2.2.2.2, 1.1.1.1") == same);
  CHECK(replaced("10.0.0.2", "10.0.0.3") != same);
  CHECK(replaced("first\n\t\tip saddr { 1.1.1.1, 2.2.2.2 } drop",
                 "ip saddr { 1.1.1.1, 2.2.2.2 } drop\n\t\tfirst") != same);
  CHECK(in_order("{ a") == "{ a");
  CHECK(in_order("{").size() == 1);
}
