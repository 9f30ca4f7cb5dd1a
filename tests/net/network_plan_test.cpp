#include "mosb/net/network_plan.h"

#include <catch2/catch.hpp>

#include "tests/net/network_fixture.h"

using namespace mosb;
using namespace mosb::net;

using Texts = std::vector<std::string>;

TEST_CASE("a new network is made in the order in which it is safe", "[net]") {
  NetworkFixture host;
  const std::string reached = " (services are reached through this host)";
  const std::string routers = " (a host that forwards would not listen to its routers any more)";
  const std::string loopback = " (forwards are also used at 127.0.0.1)";
  CHECK(host.plan_texts() == Texts{"lxcbr0: make the bridge (there is none)",
                                   "lxcbr0: add 10.0.3.1/24 (it has not got it)",
                                   "lxcbr0: add fd00:3::1/64 (it has not got it)",
                                   "lxcbr0: raise the bridge (it is new)",
                                   "mosb_0badcafe: replace the rules (they are not there)",
                                   "net.ipv4.ip_forward: set to 1" + reached,
                                   "net.ipv6.conf.up0.accept_ra: set to 2" + routers,
                                   "net.ipv6.conf.all.forwarding: set to 1" + reached,
                                   "net.ipv4.conf.lxcbr0.route_localnet: set to 1" + loopback});
  must(host.settle());
  CHECK(host.plan_texts().empty());
}

TEST_CASE("only what is asked for is set", "[net]") {
  NetworkFixture host;
  host.spec.services[0].ipv6.reset();
  host.spec.services[0].forwards[0].host_ip = must(IpAddress::parse("2001:db8::1"));
  must(host.settle());
  CHECK(host.netlink.settings["net.ipv4.ip_forward"] == "1");
  CHECK(host.netlink.settings["net.ipv6.conf.all.forwarding"] == "0");
  CHECK(host.netlink.settings["net.ipv6.conf.up0.accept_ra"] == "1");
  CHECK(host.netlink.settings["net.ipv4.conf.lxcbr0.route_localnet"] == "0");
}

TEST_CASE("a host that forwards IPv6 already keeps how it listens to routers", "[net]") {
  NetworkFixture host;
  host.netlink.settings["net.ipv6.conf.all.forwarding"] = "1";
  must(host.settle());
  CHECK(host.netlink.settings["net.ipv6.conf.up0.accept_ra"] == "1");
}

TEST_CASE("a bridge with dots in its name has its settings where the kernel keeps them", "[net]") {
  NetworkFixture host;
  host.spec.bridge.name = "br.7";
  CHECK(host.plan_texts().back() ==
        "net.ipv4.conf.br/7.route_localnet: set to 1 (forwards are also used at 127.0.0.1)");
}

TEST_CASE("names that were not checked are a mistake of ours", "[net]") {
  for (const char* name : {"", "a b", "a;b", "a\"b", "br*", "..", "sixteen-letters-"}) {
    INFO(name);
    NetworkFixture host;
    host.spec.bridge.name = name;
    const auto steps = host.plan();
    REQUIRE_FALSE(steps);
    CHECK(steps.error().code() == Errc::kInternal);
  }
  NetworkFixture host;
  host.spec.instance = "0BADCAFE";
  CHECK_FALSE(plan_network(host.spec, {}, {}, {}));
}

TEST_CASE("somebody else's bridge is taken as it is or refused", "[net]") {
  NetworkFixture host;
  const int index = host.netlink.add_link("lxcbr0", "bridge", "");
  CHECK(host.refusal() ==
        "bridge 'lxcbr0' is somebody else's and has no IPv4 address instead of 10.0.3.1/24");
  host.netlink.of[index] = {must(IpPrefix::parse("10.0.4.1/24"))};
  CHECK(host.refusal() ==
        "bridge 'lxcbr0' is somebody else's and has 10.0.4.1/24 instead of 10.0.3.1/24");
  host.netlink.of[index] = {must(IpPrefix::parse("10.0.3.7/20"))};
  CHECK(host.refusal() ==
        "bridge 'lxcbr0' is somebody else's and has 10.0.3.7/20 instead of 10.0.3.1/24");
  host.netlink.of[index] = {must(IpPrefix::parse("10.0.3.7/24"))};
  CHECK(host.refusal() ==
        "bridge 'lxcbr0' is somebody else's and has no IPv6 address instead of fd00:3::1/64");
  host.netlink.of[index].push_back(must(IpPrefix::parse("fd00:3::7/64")));
  CHECK(host.refusal() == "bridge 'lxcbr0' is somebody else's and is down");
  CHECK(host.plan().error().hint() == "start what made it: systemctl start lxc-net");
  host.netlink.find("lxcbr0")->up = true;
  CHECK(host.plan_texts().front() == "mosb_0badcafe: replace the rules (they are not there)");
  host.netlink.find("lxcbr0")->kind = "veth";
  CHECK(host.refusal() == "device 'lxcbr0' is there and is no bridge");
}

TEST_CASE("devices of services that do not run go, those of others stay", "[net]") {
  NetworkFixture host;
  must(host.settle());
  const int bridge = host.netlink.find("lxcbr0")->index;
  const auto add = [&](const char* name, const char* alias, bool at_bridge) {
    const int index = host.netlink.add_link(name, "veth", alias);
    host.netlink.find(name)->master = at_bridge ? bridge : 0;
    host.netlink.find(name)->up = true;
    return index;
  };
  add("mv00000001", "mosb:0badcafe:service:web", false);
  add("mv00000002", "mosb:0badcafe:service:old", true);
  add("mv0badcafe-0123", "", false);
  add("mv00000003", "mosb:0badcaff:service:web", true);
  add("mv00000004", "", true);
  add("mv0badcaff-0123", "", false);
  host.running = {"web"};
  CHECK(host.plan_texts() ==
        Texts{"mv00000002: remove the device (service 'old' does not run)",
              "mv0badcafe-0123: remove the device (it was never finished)",
              "mv00000001: attach the device of service 'web' (it is not at the bridge)"});
  must(host.settle());
  CHECK(host.plan_texts().empty());
  CHECK(host.netlink.find("mv00000001")->master == bridge);
  CHECK(host.netlink.find("mv00000004") != nullptr);
}

TEST_CASE("rules are replaced when others are wanted or somebody changed them", "[net]") {
  NetworkFixture host;
  must(host.settle());
  host.spec.services[0].forwards[0].port = 5001;
  CHECK(host.plan_texts() ==
        Texts{"mosb_0badcafe: replace the rules (other services or forwards are wanted)"});
  must(host.settle());
  host.nft.listings["list table inet mosb_0badcafe"] += "x";
  CHECK(host.plan_texts() == Texts{"mosb_0badcafe: replace the rules (somebody changed them)"});
  host.nft.listings["list table bridge mosb_0badcafe"] = "";
  CHECK(host.plan_texts() == Texts{"mosb_0badcafe: replace the rules (they are not there)"});
  must(host.settle());
  CHECK(host.plan_texts().empty());
}

TEST_CASE("without services everything is as before, and the guard goes last", "[net]") {
  NetworkFixture host;
  const auto settings = host.netlink.settings;
  must(host.settle());
  const int index = host.netlink.add_link("mv00000001", "veth", "mosb:0badcafe:service:web");
  host.netlink.find("mv00000001")->master = host.netlink.find("lxcbr0")->index;
  host.spec.services.clear();
  const Texts steps = host.plan_texts();
  CHECK(steps == Texts{"mv00000001: remove the device (service 'web' does not run)",
                       "net.ipv4.conf.lxcbr0.route_localnet: set back to 0 (its value from before)",
                       "net.ipv6.conf.all.forwarding: set back to 0 (its value from before)",
                       "net.ipv4.ip_forward: set back to 0 (its value from before)",
                       "net.ipv6.conf.up0.accept_ra: set back to 1 (its value from before)",
                       "mosb_0badcafe: remove the rules (no service is left)",
                       "lxcbr0: remove the bridge (nothing is at it)"});
  must(host.settle());
  CHECK(host.netlink.settings == settings);
  CHECK(host.record == NetworkRecord());
  CHECK(host.plan_texts().empty());
  CHECK(index != 0);
}

TEST_CASE("what somebody set since, and a bridge in use, stay", "[net]") {
  NetworkFixture host;
  must(host.settle());
  host.netlink.settings["net.ipv6.conf.up0.accept_ra"] = "0";
  host.netlink.add_link("foreign0", "veth", "");
  host.netlink.find("foreign0")->master = host.netlink.find("lxcbr0")->index;
  host.spec.services.clear();
  must(host.settle());
  CHECK(host.netlink.settings["net.ipv6.conf.up0.accept_ra"] == "0");
  CHECK(host.netlink.find("lxcbr0") != nullptr);
  CHECK(host.record == NetworkRecord());
}

TEST_CASE("the value from before is kept over many runs", "[net]") {
  NetworkFixture host;
  must(host.settle());
  host.netlink.settings["net.ipv4.ip_forward"] = "0";
  must(host.settle());
  CHECK(host.record.settings.at("net.ipv4.ip_forward") == "0");
  host.netlink.settings["net.ipv6.conf.up0.accept_ra"] = "1";
  host.netlink.settings["net.ipv6.conf.all.forwarding"] = "0";
  must(host.settle());
  CHECK(host.record.settings.at("net.ipv6.conf.up0.accept_ra") == "1");
}

TEST_CASE("a host without nf_tables has no rules, and cannot be given any", "[net]") {
  NetworkFixture host;
  host.nft.no_tables = true;
  CHECK(host.state().rules.empty());
  host.spec.services.clear();
  CHECK(host.plan_texts().empty());
}

TEST_CASE("a record reads back as it was written, and nothing else does", "[net]") {
  const NetworkRecord record{.spec = "a", .rules = "b", .settings = {{"net.x", "1"}}};
  CHECK(must(parse_network_record(to_json(record))) == record);
  CHECK(must(parse_network_record(to_json(NetworkRecord()))) == NetworkRecord());
  for (const Json& json : {Json::array(),
                           Json::object(),
                           Json{{"spec", 1}, {"rules", ""}},
                           Json{{"spec", ""}, {"rules", ""}, {"settings", {{"a", 1}}}}}) {
    const auto refused = parse_network_record(json);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::kState);
  }
}

TEST_CASE("a network that fails at step N is finished by the next plan, or taken back", "[net]") {
  NetworkFixture whole;
  must(whole.settle());
  const std::size_t count = whole.netlink.calls().size();
  REQUIRE(count >= 8);
  for (std::size_t n = 1; n <= count; ++n) {
    INFO("call " << n << ", " << whole.netlink.calls()[n - 1]);
    NetworkFixture finished;
    finished.netlink.fail_at(n);
    CHECK_FALSE(finished.settle());
    must(finished.settle());
    CHECK(finished.plan_texts().empty());
    CHECK(finished.record == whole.record);

    NetworkFixture removed;
    const auto settings = removed.netlink.settings;
    removed.netlink.fail_at(n);
    CHECK_FALSE(removed.settle());
    removed.spec.services.clear();
    must(removed.settle());
    CHECK(removed.netlink.settings == settings);
    CHECK(removed.netlink.find("lxcbr0") == nullptr);
    CHECK(removed.plan_texts().empty());
    CHECK(removed.record == NetworkRecord());
  }
}

TEST_CASE("without rules nothing is opened", "[net]") {
  NetworkFixture host;
  const auto settings = host.netlink.settings;
  host.nft.fails = true;
  const Status refused = host.settle();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message() == "mosb_0badcafe: nftables: made to fail");
  CHECK(host.netlink.settings == settings);
  CHECK(host.record == NetworkRecord());
}
