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

TEST_CASE("an address of the pool that somebody else has is never given to a service",
          "[network]") {
  const Addresses first = must(assign_addresses({}, bridge(), {any("a")}));
  const AddressClaims claims{{first.leases.at("a").ipv4, "02:00:00:00:00:01"}};
  const Addresses chosen = must(assign_addresses({}, bridge(), {any("a")}, claims));
  CHECK(address_of(chosen, "a") != address_of(first, "a"));
  const Addresses moved = must(assign_addresses(first, bridge(), {any("a")}, claims));
  CHECK(address_of(moved, "a") == address_of(chosen, "a"));
  AddressWish attached = any("a");
  attached.attached = true;
  CHECK(must(assign_addresses(first, bridge(), {attached}, claims)) == first);
}

TEST_CASE("a network of which all is claimed has no address for a service", "[network]") {
  net::BridgeSpec small = bridge();
  small.ipv4.length = 29;
  AddressClaims claims;
  for (int i = 2; i < 7; ++i) {
    claims[must(IpAddress::parse("10.0.3." + std::to_string(i)))] = "somebody";
  }
  const auto assigned = assign_addresses({}, small, {any("a")}, claims);
  REQUIRE_FALSE(assigned);
  CHECK(assigned.error().code() == Errc::kNetSetup);
  claims.erase(must(IpAddress::parse("10.0.3.4")));
  CHECK(address_of(must(assign_addresses({}, small, {any("a")}, claims)), "a") == "10.0.3.4");
}

TEST_CASE("an address that a manifest names is refused if somebody else has it", "[network]") {
  const std::vector<AddressWish> wishes{fixed("a", "10.0.3.9"), fixed("b", "10.0.3.10")};
  const AddressClaims claims{
      {must(IpAddress::parse("10.0.3.9")), "02:00:00:00:00:01, which answers for it"}};
  const auto refused = refused_addresses({}, bridge(), wishes, claims);
  REQUIRE(refused.size() == 1);
  CHECK(refused.at("a").code() == Errc::kNetSetup);
  CHECK_THAT(refused.at("a").message(),
             Contains("10.0.3.9 of service 'a' is taken at bridge 'lxcbr0' by 02:00:00:00:00:01"));
  // What runs with it keeps it; what runs with another one does not get it.
  const Addresses before = must(assign_addresses({}, bridge(), wishes));
  std::vector<AddressWish> running = wishes;
  running[0].attached = true;
  CHECK(refused_addresses(before, bridge(), running, claims).empty());
  CHECK(refused_addresses({}, bridge(), running, claims).size() == 1);
}

TEST_CASE("only addresses that a service did not have are new", "[network]") {
  const Addresses before = must(assign_addresses({}, bridge(true), {any("a")}));
  const std::vector<AddressWish> wishes{any("a"), fixed("b", "10.0.3.9")};
  const Addresses after = must(assign_addresses(before, bridge(true), wishes));
  CHECK(new_addresses(before, after, wishes) ==
        std::set<IpAddress>{must(IpAddress::parse("10.0.3.9")), *after.leases.at("b").ipv6});
}
