#include <catch2/catch.hpp>

#include "tests/net/network_fixture.h"

using namespace mosb;
using namespace mosb::net;

namespace {

struct ConnectFixture : NetworkFixture {
  ConnectFixture() {
    must(settle());
    netlink.inside().settings["net.ipv6.conf.eth0.disable_ipv6"] = "0";
    netlink.inside().settings["net.ipv6.conf.eth0.accept_ra"] = "1";
    netlink.forget_calls();
  }
  Status connect() { return net::connect(spec, spec.services[0], 3, netlink); }
  std::string device() const { return device_name(spec.instance, "web"); }
};

}  // namespace

TEST_CASE("a service's port is raised when all behind it is there", "[net]") {
  ConnectFixture host;
  must(host.connect());
  const std::string device = host.device();
  CHECK(host.netlink.calls() ==
        std::vector<std::string>{"make veth " + device,
                                 "port " + device + " hairpin",
                                 "inside: up lo",
                                 "inside: set net.ipv6.conf.eth0.accept_ra 0",
                                 "inside: set net.ipv6.conf.eth0.disable_ipv6 0",
                                 "inside: address eth0 10.0.3.99/24",
                                 "inside: address eth0 fd00:3::99/64",
                                 "inside: up eth0",
                                 "inside: route eth0 10.0.3.1",
                                 "inside: route eth0 fd00:3::1",
                                 "up " + device});
  CHECK(host.netlink.find(device)->alias == "mosb:0badcafe:service:web");
}

TEST_CASE("a connection that fails at step N leaves no device behind", "[net]") {
  ConnectFixture whole;
  must(whole.connect());
  const std::size_t count = whole.netlink.calls().size();
  for (std::size_t n = 1; n <= count; ++n) {
    INFO("call " << n << ", " << whole.netlink.calls()[n - 1]);
    ConnectFixture host;
    const std::size_t before = host.netlink.all.size();
    host.netlink.fail_at(n);
    const Status refused = host.connect();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kNetSetup);
    CHECK(refused.error().message().find("device '" + host.device() + "': ") == 0);
    CHECK(host.netlink.all.size() == before);
    CHECK(host.netlink.inside().all.size() == 1);
  }
}

TEST_CASE("who had an address of the service before is forgotten, what is written down stays",
          "[net]") {
  ConnectFixture host;
  const ServicePort& service = host.spec.services[0];
  const MacAddress other{{2, 0, 0, 0, 0, 0x77}};
  auto& known = host.netlink.known[host.netlink.find("lxcbr0")->index];
  known = {{service.ipv4, other, false},
           {*service.ipv6, service.mac, false},
           {must(IpAddress::parse("10.0.3.98")), other, false}};
  const std::vector<Neighbour> others(known.begin() + 1, known.end());
  must(host.connect());
  CHECK(known == others);
  known = {{service.ipv4, other, true}, {*service.ipv6, other, false}};
  must(host.connect());
  CHECK(known == std::vector<Neighbour>{{service.ipv4, other, true}});
}

TEST_CASE("a service without IPv6 has none inside", "[net]") {
  ConnectFixture host;
  host.spec.services[0].ipv6.reset();
  must(host.connect());
  CHECK(host.netlink.inside().settings["net.ipv6.conf.eth0.disable_ipv6"] == "1");
  for (const std::string& call : host.netlink.calls()) {
    CHECK(call.find("fd00") == std::string::npos);
  }
}

TEST_CASE("what an earlier run left is replaced, what is somebody's is not", "[net]") {
  ConnectFixture host;
  must(host.connect());
  const int first = host.netlink.find(host.device())->index;
  must(host.connect());
  CHECK(host.netlink.find(host.device())->index != first);
  must(disconnect(host.spec, {"web"}, host.netlink));
  CHECK(host.netlink.find(host.device()) == nullptr);
  must(disconnect(host.spec, {"web"}, host.netlink));
  const int foreign = host.netlink.add_link(host.device(), "veth", "theirs");
  const Status refused = host.connect();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() ==
        "device '" + host.device() + "': a device of that name is there and is not mosb's");
  must(disconnect(host.spec, {"web"}, host.netlink));
  CHECK(host.netlink.find(host.device())->index == foreign);
}

TEST_CASE("without a bridge nothing is connected", "[net]") {
  NetworkFixture host;
  const Status refused = connect(host.spec, host.spec.services[0], 3, host.netlink);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("there is no bridge 'lxcbr0'") != std::string::npos);
}
