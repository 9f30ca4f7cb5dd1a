#include <chrono>

#include <catch2/catch.hpp>

#include "mosb/net/netlink.h"
#include "mosb/net/who_has.h"
#include "tests/net/net_lab.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

IpAddress ip(const char* text) {
  return must(IpAddress::parse(text));
}

/// A bridge with another host at it.
struct Bridge {
  Bridge() {
    host.sh(
        "ip link add br0 type bridge && ip addr add 10.0.3.1/24 dev br0 &&"
        " ip addr add fd00:3::1/64 dev br0 nodad && ip link set br0 up &&"
        " ip link add v0 type veth peer name eth0 netns " +
        other.path() + " && ip link set v0 master br0 && ip link set v0 up");
    other.sh(
        "ip link set eth0 address 02:00:00:00:00:07 && ip link set eth0 up &&"
        " ip addr add 10.0.3.7/24 dev eth0 && ip addr add fd00:3::7/64 dev eth0 nodad");
  }
  int index() const {
    int found = 0;
    host.in([&] {
      LibNetlink netlink;
      for (const Link& link : must(netlink.links())) {
        found = link.name == "br0" ? link.index : found;
      }
    });
    return found;
  }
  std::map<IpAddress, MacAddress> ask(const std::set<IpAddress>& addresses,
                                      const std::set<MacAddress>& own = {}) const {
    std::map<IpAddress, MacAddress> answers;
    host.in([&] { answers = must(who_has(index(), addresses, own, kThorough)); });
    return answers;
  }

  NetNs host;
  NetNs other;
};

constexpr MacAddress kOther{{2, 0, 0, 0, 0, 7}};

}  // namespace

TEST_CASE("whoever has an address at a bridge answers for it, IPv4 and IPv6, and no one else",
          "[net]") {
  const Bridge bridge;
  const std::map<IpAddress, MacAddress> both{{ip("10.0.3.7"), kOther}, {ip("fd00:3::7"), kOther}};
  CHECK(bridge.ask({ip("10.0.3.7"), ip("10.0.3.8"), ip("fd00:3::7"), ip("fd00:3::8")}) == both);
  CHECK(bridge.ask({ip("10.0.3.7"), ip("fd00:3::7")}, {kOther}).empty());
  // The host itself does not answer itself, nor is its question taken for somebody else's.
  CHECK(bridge.ask({ip("10.0.3.1")}).empty());
}

TEST_CASE("asking who has an address teaches neither side anything", "[net]") {
  const Bridge bridge;
  bridge.ask({ip("10.0.3.7"), ip("fd00:3::7")});
  CHECK(bridge.host.output("ip neigh show to 10.0.3.0/24").empty());
  CHECK(bridge.other.output("ip neigh show to 10.0.3.0/24").empty());
}

TEST_CASE("the kernel's neighbours are those that it has an Ethernet address of", "[net]") {
  const Bridge bridge;
  bridge.host.sh(
      "ip neigh add 10.0.3.7 lladdr 02:00:00:00:00:07 dev br0 nud stale &&"
      " ip neigh add fd00:3::9 lladdr 02:00:00:00:00:09 dev br0 nud permanent &&"
      " ip neigh add 10.0.3.8 dev br0 nud failed");
  std::vector<Neighbour> known;
  bridge.host.in([&] {
    LibNetlink netlink;
    known = must(netlink.neighbours(bridge.index()));
  });
  std::erase_if(known, [](const Neighbour& neighbour) {
    return !neighbour.address.str().starts_with("10.") &&
           !neighbour.address.str().starts_with("fd00:");
  });
  CHECK(known == std::vector<Neighbour>{{ip("10.0.3.7"), kOther, false},
                                        {ip("fd00:3::9"), MacAddress{{2, 0, 0, 0, 0, 9}}, true}});
}

TEST_CASE("asking nobody about nothing takes no time", "[net]") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK(must(who_has(0, {}, {}, kThorough)).empty());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(20));
}
