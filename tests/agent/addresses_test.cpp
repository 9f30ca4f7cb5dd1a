#include "mosb/agent/addresses.h"

#include <catch2/catch.hpp>

#include "address_samples.h"

using namespace mosb;
using namespace mosb::agent;
using namespace mosb::agent::test;
using Catch::Matchers::Contains;

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

TEST_CASE("a service that runs outside the bridge's network is not left there without a word",
          "[network]") {
  Addresses before = must(assign_addresses({}, bridge(), {any("a"), any("b")}));
  before.leases.at("a").ipv4 = must(IpAddress::parse("10.9.0.7"));
  AddressWish untouched = any("a");
  untouched.untouched = true;
  const auto assigned = assign_addresses(before, bridge(), {any("b"), untouched});
  REQUIRE_FALSE(assigned);
  CHECK(assigned.error().code() == Errc::kNetSetup);
  CHECK_THAT(assigned.error().message(),
             Contains("runs with 10.9.0.7, which is not of the bridge's network 10.0.3.0/24"));
  CHECK_THAT(assigned.error().hint(), Contains("apply --applied"));
}
