#include <cerrno>
#include <chrono>
#include <functional>

#include <catch2/catch.hpp>

#include "mosb/base/deadline.h"
#include "mosb/net/nft.h"
#include "mosb/net/socket_table.h"
#include "tests/net/net_lab.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

using Texts = std::vector<std::string>;

std::string settings_of(const NetNs& host) {
  return host.output(
      "sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv6.conf.up0.accept_ra");
}

/// A device that was raised or attached a moment ago may lose a frame.
bool soon(const std::function<bool()>& works) {
  const Deadline deadline = Deadline::in(std::chrono::seconds(10));
  while (!works()) {
    if (deadline.over()) {
      return false;
    }
  }
  return true;
}

Texts names_of(const NetLab& lab) {
  Texts names;
  lab.host.in([&] {
    LibNetlink netlink;
    for (const Link& link : must(netlink.links())) {
      names.push_back(link.name);
    }
  });
  return names;
}

}  // namespace

TEST_CASE("a network is made, stays as it is, and goes without a trace", "[net]") {
  NetLab lab;
  const Texts names = names_of(lab);
  const std::string settings = settings_of(lab.host);
  const Texts first = lab.settle();
  CHECK(first.front() == "lxcbr0: make the bridge (there is none)");
  CHECK(first.back() ==
        "net.ipv4.conf.lxcbr0.route_localnet: set to 1 (forwards are also used at 127.0.0.1)");
  CHECK(settings_of(lab.host) ==
        "net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n"
        "net.ipv6.conf.up0.accept_ra = 2\n");
  CHECK(lab.plan().empty());
  lab.connect("a");
  CHECK(lab.plan().empty());
  const NetworkRecord record = lab.record;
  CHECK(must(parse_network_record(to_json(record))) == record);

  lab.spec.services.clear();
  lab.running.clear();
  const Texts last = lab.settle();
  CHECK(last.front() == lab.device("a") + ": remove the device (service 'a' does not run)");
  CHECK(last.back() == "lxcbr0: remove the bridge (nothing is at it)");
  CHECK(names_of(lab) == names);
  CHECK(settings_of(lab.host) == settings);
  CHECK(lab.host.output("nft list ruleset").empty());
  CHECK(lab.record == NetworkRecord());
  CHECK(lab.plan().empty());
}

TEST_CASE("what is damaged is noticed and mended", "[net]") {
  NetLab lab;
  lab.settle();
  lab.connect("a");
  const EchoServer a(lab.ns("a"), 5000);
  const std::string device = lab.device("a");
  const auto works = [&] {
    return ask(lab.outside, Protocol::kTcp, "192.0.2.1", 80) == "192.0.2.2";
  };
  const struct {
    std::string damage;
    std::string step;
  } rows[] = {
      {"nft flush ruleset", "mosb_0badcafe: replace the rules (they are not there)"},
      {"nft delete element inet mosb_0badcafe any4 '{ tcp . 80 }'",
       "mosb_0badcafe: replace the rules (somebody changed them)"},
      {"ip link set " + device + " nomaster",
       device + ": attach the device of service 'a' (it is not at the bridge)"},
      {"ip link set " + device + " down",
       device + ": attach the device of service 'a' (it is down)"},
      {"ip link set lxcbr0 down",  // The kernel takes IPv6 addresses from a device that goes down.
       "lxcbr0: add fd00:3::1/64 (it has not got it)|lxcbr0: raise the bridge (it is down)"},
      {"ip addr flush dev lxcbr0",
       "lxcbr0: add 10.0.3.1/24 (it has not got it)|lxcbr0: add fd00:3::1/64 (it has not got it)"},
      {"sysctl -qw net.ipv4.ip_forward=0",
       "net.ipv4.ip_forward: set to 1 (services are reached through this host)"},
  };
  REQUIRE(soon(works));
  for (const auto& row : rows) {
    INFO(row.damage);
    lab.host.sh(row.damage);
    CHECK_FALSE(works());
    std::string steps;
    for (const std::string& step : lab.settle()) {
      steps += (steps.empty() ? "" : "|") + step;
    }
    CHECK(steps == row.step);
    CHECK(soon(works));
    CHECK(lab.plan().empty());
  }
}

TEST_CASE("a service is reached at once at an address that somebody else had a moment ago",
          "[net]") {
  NetLab lab;
  lab.settle();
  for (const std::string address : {"10.0.3.99", "fd00:3::99"}) {
    CAPTURE(address);
    lab.host.sh("ip neigh replace " + address +
                " lladdr 02:00:00:00:00:77 dev lxcbr0 nud reachable");
    lab.connect("a");
    const EchoServer a(lab.ns("a"), 5000);
    CHECK(ask(lab.host, Protocol::kTcp, address, 5000) ==
          (address == "10.0.3.99" ? "10.0.3.1" : "fd00:3::1"));
  }
}

TEST_CASE("a deleted device is missed, and made again with the next connection", "[net]") {
  NetLab lab;
  lab.settle();
  lab.connect("a");
  REQUIRE(lab.state().devices.size() == 1);
  lab.host.sh("ip link del " + lab.device("a"));
  CHECK(lab.state().devices.empty());
  lab.connect("a");
  const auto devices = lab.state().devices;
  REQUIRE(devices.size() == 1);
  CHECK(devices[0].service == "a");
  CHECK((devices[0].up && devices[0].at_bridge));
  // One that an earlier run left is replaced.
  lab.connect("a");
  CHECK(lab.state().devices.size() == 1);
  CHECK(lab.plan().empty());
}

TEST_CASE("a connection that fails leaves nothing", "[net]") {
  NetLab lab;
  lab.settle();
  const Texts names = names_of(lab);
  const auto refused = [&](const NetNs& where) {
    std::string message;
    lab.host.in([&] {
      LibNetlink netlink;
      const Status status = connect(lab.spec, lab.service("a"), where.fd(), netlink);
      REQUIRE_FALSE(status);
      CHECK(status.error().code() == Errc::kNetSetup);
      message = status.error().message();
    });
    return message;
  };
  const NetNs occupied;
  occupied.sh("ip link add eth0 type veth");
  CHECK(refused(occupied) ==
        "device '" + lab.device("a") + "': make device '" + lab.device("a") + "': File exists");
  CHECK(names_of(lab) == names);
  const NetNs routed;
  routed.sh("ip link add d0 type veth; ip link set d0 up; ip route add default dev d0");
  CHECK(refused(routed).find("add the default route through 10.0.3.1") != std::string::npos);
  CHECK(names_of(lab) == names);
  lab.host.sh("ip link add " + lab.device("a") + " type veth peer name other0");
  CHECK(refused(NetNs()) ==
        "device '" + lab.device("a") + "': a device of that name is there and is not mosb's");
}

TEST_CASE("a device that cannot be finished is not left half made", "[net]") {
  NetLab lab;
  lab.settle();
  const Texts names = names_of(lab);
  const NetNs inside;
  lab.host.in([&] {
    LibNetlink netlink;
    const Status refused = netlink.make_veth({.name = "mv00000001",
                                              .alias = device_tag("0badcafe", "x"),
                                              .master = 1,  // the loopback device
                                              .peer_name = "eth0",
                                              .peer_mac = MacAddress::derived_from("x"),
                                              .peer_netns = inside.fd()});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kNetSetup);
    INFO(refused.error().message());
    CHECK(refused.error().message().find("name device 'mv00000001'") == 0);
    // The kernel's own words, where it has any.
    const Status route = netlink.add_default_route(1, must(IpAddress::parse("10.9.9.9")));
    REQUIRE_FALSE(route);
    CHECK(route.error().message() ==
          "add the default route through 10.9.9.9: Nexthop has invalid gateway: "
          "Network is unreachable");
    const Status up = netlink.set_up(9999);
    REQUIRE_FALSE(up);
    CHECK(up.error().sys_errno() == ENODEV);
  });
  CHECK(names_of(lab) == names);
}

TEST_CASE("a device whose maker was killed before it was tagged is removed", "[net]") {
  NetLab lab;
  lab.settle();
  lab.host.sh("ip link add mv0badcafe-12ab type veth peer name left0");
  CHECK(lab.plan() == Texts{"mv0badcafe-12ab: remove the device (it was never finished)"});
  lab.settle();
  CHECK(lab.plan().empty());
}

TEST_CASE("others on somebody else's bridge are left alone", "[net]") {
  NetLab lab;
  lab.host.sh(
      "ip link add lxcbr0 type bridge; ip addr add 10.0.3.1/24 dev lxcbr0; "
      "ip addr add fd00:3::1/64 dev lxcbr0 nodad; ip link set lxcbr0 up");
  const NetNs foreign;
  lab.host.sh("ip link add foreign0 type veth peer name eth0 netns " + foreign.path() +
              "; ip link set foreign0 master lxcbr0 up");
  foreign.sh(
      "ip addr add 10.0.3.50/24 dev eth0; ip link set eth0 up; "
      "ip route add default via 10.0.3.1");
  lab.host.sh("sysctl -qw net.ipv4.ip_forward=1");
  const EchoServer server(foreign, 5000);
  const EchoServer outside(lab.outside, 9000);
  const auto works = [&] {
    return ask(lab.outside, Protocol::kTcp, "10.0.3.50", 5000) == "192.0.2.2" &&
           ask(foreign, Protocol::kTcp, "192.0.2.2", 9000) == "10.0.3.50";
  };
  REQUIRE(soon(works));
  const Texts steps = lab.settle();
  CHECK(steps.front() == "mosb_0badcafe: replace the rules (they are not there)");
  lab.connect("a");
  lab.connect("b");
  CHECK(soon(works));
  // Even another address than its own, and back.
  foreign.sh(
      "ip addr add 10.0.3.51/24 dev eth0; ip route change default via 10.0.3.1 src 10.0.3.51");
  CHECK(ask(foreign, Protocol::kTcp, "192.0.2.2", 9000) == "10.0.3.51");
  foreign.sh("ip route change default via 10.0.3.1 src 10.0.3.50");
  lab.spec.services.clear();
  lab.running.clear();
  lab.settle();
  CHECK(works());
  const auto bridge = lab.state().bridge;
  REQUIRE(bridge);
  CHECK(bridge->ports == 1);
  CHECK_FALSE(bridge->ours);
}

TEST_CASE("a thousand forwards are one transaction", "[net]") {
  NetLab lab;
  ServicePort& a = lab.spec.services[0];
  a.forwards.clear();
  for (std::uint16_t i = 0; i < 1000; ++i) {
    const auto port = static_cast<std::uint16_t>(10000 + i);
    a.forwards.push_back({Protocol::kTcp, std::nullopt, port, 5000});
  }
  lab.settle();
  CHECK(lab.plan().empty());
  lab.connect("a");
  const EchoServer server(lab.ns("a"), 5000);
  CHECK(ask(lab.outside, Protocol::kTcp, "192.0.2.1", 10999) == "192.0.2.2");
  CHECK(ask(lab.outside, Protocol::kTcp, "2001:db8::1", 10000) == "2001:db8::2");
  CHECK(ask(lab.outside, Protocol::kTcp, "192.0.2.1", 11000) == "refused");
}

TEST_CASE("a listener of the host is found with the process that has it", "[net]") {
  NetLab lab;
  const EchoServer server(lab.host, 80, "127.0.0.1");
  std::string holder;
  lab.host.in([&] {
    const auto sockets = must(own_listening_sockets());
    const auto* const socket = find_holder({Protocol::kTcp, std::nullopt, 80, 5000}, sockets);
    REQUIRE(socket != nullptr);
    holder = holder_name(*socket);
    const auto other = must(IpAddress::parse("192.0.2.1"));
    CHECK(find_holder({Protocol::kTcp, other, 80, 5000}, sockets) == nullptr);
    CHECK(find_holder({Protocol::kTcp, std::nullopt, 81, 5000}, sockets) == nullptr);
  });
  CHECK(holder.find("(net_kernel_test)") != std::string::npos);
}
