#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/net/frame.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

/// Services a, b and the isolated c, connected.
struct ConnectedLab : NetLab {
  ConnectedLab() {
    settle();
    for (const char* name : {"a", "b", "c"}) {
      connect(name);
    }
  }
  MacAddress mac(const std::string& name) const { return service(name).mac; }
  std::string link_local(const std::string& name) const { return mac(name).link_local().str(); }
  /// Of the bridge: who sends there has the host route it.
  MacAddress host_mac() const { return MacAddress::derived_from(bridge_tag(spec.instance)); }
};

}  // namespace

TEST_CASE("a service sends with its own addresses only and announces nothing else", "[net]") {
  ConnectedLab lab;
  const Frame own{.from = lab.mac("a")};
  const Frame other{.from = lab.mac("b")};
  const std::string ip = "10.0.3.99";
  const std::string ip6 = "fd00:3::99";
  const struct {
    const char* what;
    Bytes frame;
    bool passes;
  } rows[] = {
      {"ARP with its own addresses", own.arp(own.from, ip), true},
      {"an ARP probe", own.arp(own.from, "0.0.0.0"), true},
      {"ARP with another's IP address", own.arp(own.from, "10.0.3.1"), false},
      {"ARP with another's MAC address inside", own.arp(other.from, ip), false},
      {"ARP in a frame with another's MAC address", other.arp(own.from, ip), false},
      {"IPv4 from itself", own.udp(ip, "10.0.3.255", 1000, 9), true},
      {"IPv4 from another", own.udp("10.0.3.100", "10.0.3.255", 1000, 9), false},
      {"IPv4 from the host", own.udp("10.0.3.1", "10.0.3.255", 1000, 9), false},
      {"IPv4 with another's MAC address", other.udp(ip, "10.0.3.255", 1000, 9), false},
      {"a DHCP server's answer", own.udp(ip, "255.255.255.255", 67, 68), false},
      {"IPv4 to a loopback address", own.udp(ip, "127.0.0.1", 1000, 9), false},
      {"a VLAN tag", Frame::tagged(own.udp(ip, "10.0.3.255", 1000, 9)), false},
      {"IPv6 from itself", own.udp(ip6, "ff02::1", 1000, 9), true},
      {"IPv6 from its link-local address", own.udp(lab.link_local("a"), "ff02::1", 1000, 9), true},
      {"IPv6 from another", own.udp("fd00:3::100", "ff02::1", 1000, 9), false},
      {"IPv6 from another's link-local address",
       own.udp(lab.link_local("b"), "ff02::1", 1000, 9),
       false},
      {"a DHCPv6 server's answer", own.udp(ip6, "ff02::1", 547, 546), false},
      {"a neighbour solicitation", own.icmp6(ip6, 135, "fd00:3::1"), true},
      {"a neighbour solicitation from nobody", own.icmp6("::", 135, ip6), true},
      {"a neighbour advertisement of itself", own.icmp6(ip6, 136, ip6), true},
      {"a neighbour advertisement of its link-local address",
       own.icmp6(ip6, 136, lab.link_local("a")),
       true},
      {"a neighbour advertisement of the host", own.icmp6(ip6, 136, "fd00:3::1"), false},
      {"a router advertisement", own.icmp6(lab.link_local("a"), 134, ip6), false},
      {"a redirect", own.icmp6(lab.link_local("a"), 137, ip6), false},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    CHECK(arrives(lab.ns("a"), row.frame, lab.ns("b"), "eth0") == row.passes);
    CHECK(arrives(lab.ns("a"), row.frame, lab.host, "lxcbr0") == row.passes);
  }
}

TEST_CASE("a service without IPv6 sends none", "[net]") {
  NetLab lab;
  lab.spec.services[0].ipv6.reset();
  lab.spec.services[0].forwards.clear();
  lab.settle();
  lab.connect("a");
  lab.connect("b");
  CHECK(lab.ns("a").output("cat /proc/sys/net/ipv6/conf/eth0/disable_ipv6") == "1\n");
  const Frame own{.from = lab.service("a").mac};
  const std::string link_local = own.from.link_local().str();
  for (const Bytes& frame : {own.udp("fd00:3::99", "ff02::1", 1000, 9),
                             own.udp(link_local, "ff02::1", 1000, 9),
                             own.icmp6("::", 135, "fd00:3::99")}) {
    CHECK_FALSE(arrives(lab.ns("a"), frame, lab.ns("b"), "eth0"));
  }
  CHECK(arrives(lab.ns("a"), own.arp(own.from, "10.0.3.99"), lab.ns("b"), "eth0"));
}

TEST_CASE("an isolated service meets nobody at the bridge, nor by way of the host", "[net]") {
  ConnectedLab lab;
  const Frame a{.from = lab.mac("a")};
  const Frame c{.from = lab.mac("c")};
  CHECK(arrives(lab.ns("a"), a.arp(a.from, "10.0.3.99"), lab.ns("b"), "eth0"));
  CHECK_FALSE(arrives(lab.ns("a"), a.arp(a.from, "10.0.3.99"), lab.ns("c"), "eth0"));
  CHECK_FALSE(arrives(lab.ns("c"), c.arp(c.from, "10.0.3.101"), lab.ns("b"), "eth0"));
  CHECK(arrives(lab.ns("c"), c.arp(c.from, "10.0.3.101"), lab.host, "lxcbr0"));
  const Frame routed_a{.from = a.from, .to = lab.host_mac()};
  const Frame routed_c{.from = c.from, .to = lab.host_mac()};
  const auto to = [](const Frame& frame, const char* from, const char* address) {
    return frame.udp(from, address, 1000, 9);
  };
  CHECK(arrives(lab.ns("a"), to(routed_a, "10.0.3.99", "10.0.3.100"), lab.ns("b"), "eth0"));
  CHECK_FALSE(arrives(lab.ns("a"), to(routed_a, "10.0.3.99", "10.0.3.101"), lab.ns("c"), "eth0"));
  CHECK_FALSE(arrives(lab.ns("c"), to(routed_c, "10.0.3.101", "10.0.3.100"), lab.ns("b"), "eth0"));
}

TEST_CASE("the cloud's metadata is out of a service's reach, answers to such clients are not",
          "[net]") {
  ConnectedLab lab;
  lab.host.sh("ip addr add 169.254.169.254/32 dev lo");
  lab.outside.sh("ip addr add 169.254.7.7/32 dev lo");
  lab.host.sh("ip route add 169.254.7.7/32 dev up0");
  lab.outside.sh("ip route change 192.0.2.0/24 dev eth0 src 169.254.7.7");
  const EchoServer metadata(lab.host, 8080);
  const EchoServer a(lab.ns("a"), 5000);
  CHECK(ask(lab.ns("a"), Protocol::kTcp, "169.254.169.254", 8080) == "nothing");
  CHECK(ask(lab.ns("a"), Protocol::kTcp, "10.0.3.1", 8080) == "10.0.3.99");
  CHECK(ask(lab.outside, Protocol::kTcp, "192.0.2.1", 80) == "169.254.7.7");
}

TEST_CASE("what claims to go to 127.0.0.1 does not come in from a service", "[net]") {
  ConnectedLab lab;
  UniqueFd listener;
  lab.host.in([&] {
    listener = UniqueFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_port = htons(7777);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
  });
  const Frame to_host{.from = lab.mac("a"), .to = lab.host_mac()};
  const auto reaches = [&] {
    send_frame(lab.ns("a"), to_host.udp("10.0.3.99", "127.0.0.1", 1000, 7777));
    pollfd ready{.fd = listener.get(), .events = POLLIN, .revents = 0};
    std::array<char, 100> bytes{};
    return ::poll(&ready, 1, 200) > 0 && ::recv(listener.get(), bytes.data(), bytes.size(), 0) > 0;
  };
  CHECK_FALSE(reaches());
  lab.host.sh("nft delete table bridge mosb_0badcafe");
  CHECK_FALSE(reaches());
  // That it is the rule which keeps it out, and that the frame is a good one:
  lab.host.sh("nft flush chain inet mosb_0badcafe arrival");
  CHECK(reaches());
  CHECK(lab.settle() ==
        std::vector<std::string>{"mosb_0badcafe: replace the rules (they are not there)"});
  CHECK_FALSE(reaches());
}
