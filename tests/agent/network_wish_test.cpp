#include "mosb/agent/network_wish.h"

#include <catch2/catch.hpp>

#include "address_samples.h"

using namespace mosb;
using namespace mosb::agent;
using namespace mosb::agent::test;
using Catch::Matchers::Contains;

namespace {

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
