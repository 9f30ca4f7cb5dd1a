#include "mosb/agent/service_network.h"

#include <catch2/catch.hpp>

#include "mosb/agent/instance_network.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::agent;
using Catch::Matchers::Contains;

namespace {

net::BridgeSpec bridge(bool with_ipv6 = false) {
  net::BridgeSpec spec{"lxcbr0", must(IpPrefix::parse("10.0.3.1/24")), std::nullopt};
  if (with_ipv6) {
    spec.ipv6 = must(IpPrefix::parse("fd00:3::1/64"));
  }
  return spec;
}

AddressWish any(const std::string& service) {
  return {service, std::nullopt, std::nullopt};
}

AddressWish fixed(const std::string& service, const std::string& address) {
  return {service,
          manifest::TargetAddress{must(IpAddress::parse(address)), std::nullopt},
          std::nullopt};
}

std::string address_of(const Addresses& addresses, const std::string& service) {
  return addresses.leases.at(service).ipv4.str();
}

AppliedState applied(const std::string& targets) {
  const manifest::Manifest manifest = must(manifest::parse(
      "version: 2\nproduct: p\nupdate_type: complete\ntargets:\n" + targets, "m.yaml"));
  AppliedState state;
  for (const manifest::Target& target : manifest.targets) {
    manifest::Manifest one = manifest;
    one.targets = {target};
    const ServiceImage image{
        target.source, "local/mosb", Digest::of("i"), "verified", "local", "CN=s", false};
    state.services.emplace(target.service_name, AppliedService{one, image, false});
  }
  return state;
}

std::string target(const std::string& name, const std::string& network) {
  return "- {service_name: " + name +
         ", source: 'oci:/x:1', version: '1', network: {type: simple, " + network + "}}\n";
}

}  // namespace

TEST_CASE("a service keeps its address whoever else comes and goes", "[network]") {
  const Addresses first = must(assign_addresses({}, bridge(), {any("a"), any("b"), any("c")}));
  const Addresses second =
      must(assign_addresses(first, bridge(), {any("c"), any("new"), any("a")}));
  CHECK(address_of(second, "a") == address_of(first, "a"));
  CHECK(address_of(second, "c") == address_of(first, "c"));
  CHECK_FALSE(second.leases.contains("b"));
  CHECK_FALSE(second.leases.at("a").ipv6);
}

TEST_CASE("an address that a manifest names is the service's, and one of the pool gives way",
          "[network]") {
  const Addresses first = must(assign_addresses({}, bridge(), {any("a")}));
  const Addresses second =
      must(assign_addresses(first, bridge(), {any("a"), fixed("b", address_of(first, "a"))}));
  CHECK(address_of(second, "b") == address_of(first, "a"));
  CHECK(address_of(second, "a") != address_of(first, "a"));
}

TEST_CASE("an address of a service that is not touched cannot be taken from it", "[network]") {
  const Addresses first = must(assign_addresses({}, bridge(), {any("a")}));
  AddressWish untouched = any("a");
  untouched.untouched = true;
  const auto second =
      assign_addresses(first, bridge(), {fixed("b", address_of(first, "a")), untouched});
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::kNetSetup);
  CHECK_THAT(second.error().message(), Contains("of service 'b' belongs to service 'a'"));
}

TEST_CASE("an address outside the bridge's network, or of another length, is refused",
          "[network]") {
  for (const char* address : {"10.0.4.9", "10.0.3.0", "10.0.3.255", "10.0.3.1"}) {
    CAPTURE(address);
    const auto assigned = assign_addresses({}, bridge(), {fixed("a", address)});
    REQUIRE_FALSE(assigned);
    CHECK(assigned.error().code() == Errc::kManifest);
  }
  AddressWish wish = fixed("a", "10.0.3.9");
  wish.ipv4->length = 16;
  const auto assigned = assign_addresses({}, bridge(), {wish});
  REQUIRE_FALSE(assigned);
  CHECK_THAT(assigned.error().message(), Contains("is not the bridge's, 10.0.3.0/24"));
  wish.ipv4->length = 24;
  CHECK(assign_addresses({}, bridge(), {wish}));
}

TEST_CASE("a lease of another network than the bridge's counts for nothing", "[network]") {
  Addresses before = must(assign_addresses({}, bridge(), {any("a")}));
  before.leases.at("a").ipv4 = must(IpAddress::parse("10.9.0.7"));
  const Addresses after = must(assign_addresses(before, bridge(), {any("a")}));
  CHECK(bridge().ipv4.contains(after.leases.at("a").ipv4));
}

TEST_CASE("services have an address of IPv6 where the bridge has a network of it", "[network]") {
  const Addresses addresses = must(assign_addresses({}, bridge(true), {any("a"), any("b")}));
  REQUIRE(addresses.leases.at("a").ipv6);
  CHECK(bridge(true).ipv6->contains(*addresses.leases.at("a").ipv6));
  CHECK(addresses.leases.at("a").ipv6 != addresses.leases.at("b").ipv6);
  AddressWish wish = any("a");
  wish.ipv6 = manifest::TargetAddress{must(IpAddress::parse("fd00:3::9")), 64};
  const auto refused = assign_addresses({}, bridge(), {wish});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kNetSetup);
  CHECK_THAT(refused.error().hint(), Contains("bridge.subnet6"));
}

TEST_CASE("the wish for a network has every service that is applied and not held down",
          "[network]") {
  AppliedState state = applied(target("a", "ports: [{host: 53, container: 54, protocol: both}]") +
                               target("b", "isolate: true") + target("c", "") +
                               "- {service_name: d, source: 'oci:/x:1', version: '1'}\n");
  state.services.at("c").stopped = true;
  const Addresses addresses = must(assign_addresses({}, bridge(), {any("a"), any("b"), any("c")}));
  const NetworkWish wish =
      must(network_wish("01234567", state, addresses, "nameserver 192.0.2.1\n"));
  REQUIRE(wish.spec.services.size() == 2);
  CHECK(wish.spec.services[0].service == "a");
  REQUIRE(wish.spec.services[0].forwards.size() == 2);
  CHECK(wish.spec.services[0].forwards[0].protocol == net::Protocol::kTcp);
  CHECK(wish.spec.services[0].forwards[1].protocol == net::Protocol::kUdp);
  CHECK(wish.spec.services[0].forwards[1].port == 54);
  CHECK_FALSE(wish.spec.services[0].isolated);
  CHECK(wish.spec.services[1].isolated);
  CHECK(wish.files.at("a").resolv_conf == "nameserver 192.0.2.1\n");
  CHECK_THAT(wish.files.at("a").hosts, Contains(address_of(addresses, "b") + "\tb\n"));
}

TEST_CASE("one port of the host is for one service", "[network]") {
  const Addresses addresses = must(assign_addresses({}, bridge(), {any("a"), any("b")}));
  const auto wish_for = [&](const std::string& a, const std::string& b) {
    return network_wish("01234567",
                        applied(target("a", "ports: [{" + a + ", container: 1}]") +
                                target("b", "ports: [{" + b + ", container: 1}]")),
                        addresses,
                        "");
  };
  CHECK(wish_for("host: 80", "host: 81"));
  CHECK(wish_for("host: 80", "host: 80, protocol: udp"));
  CHECK(wish_for("host: 80, host_ip: 192.0.2.1", "host: 80, host_ip: 192.0.2.2"));
  for (const char* other :
       {"host: 80", "host: 80, protocol: both", "host: 80, host_ip: 192.0.2.1"}) {
    CAPTURE(other);
    const auto wish = wish_for("host: 80", other);
    REQUIRE_FALSE(wish);
    CHECK(wish.error().code() == Errc::kNetSetup);
    CHECK_THAT(wish.error().message(), Contains("belongs to service 'a'"));
  }
}
