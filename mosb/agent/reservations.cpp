#include "mosb/agent/reservations.h"

#include <set>
#include <utility>

#include "mosb/agent/address_claims.h"
#include "mosb/agent/bridge.h"
#include "mosb/agent/service_network.h"
#include "mosb/base/text.h"
#include "mosb/net/who_has.h"

namespace mosb::agent {

namespace {

/// Whoever says so of that many addresses, one after the other, says it of all.
constexpr int kMaxTries = 8;

AddressWish wish_of(const manifest::Target& target, bool untouched) {
  return {target.service_name, target.network.ipv4, target.network.ipv6, untouched};
}

std::vector<AddressWish> wishes_of(const AppliedState& others,
                                   const std::vector<manifest::Target>& targets) {
  std::vector<AddressWish> wishes;
  for (const manifest::Target& target : targets) {
    if (is_connected(target)) {
      wishes.push_back(wish_of(target, false));
    }
  }
  for (const auto& [name, service] : others.services) {
    if (is_connected(service.target())) {
      wishes.push_back(wish_of(service.target(), !service.is_down()));
    }
  }
  return wishes;
}

std::set<net::MacAddress> own_macs(const Addresses& addresses, const std::string& instance) {
  std::set<net::MacAddress> macs;
  for (const auto& [service, lease] : addresses.leases) {
    macs.insert(service_mac(lease, instance));
  }
  return macs;
}

/// The addresses that services which are about to start had before.
std::set<IpAddress> kept_addresses(const Addresses& before,
                                   const std::vector<AddressWish>& wishes,
                                   const AppliedState& others) {
  std::set<IpAddress> out;
  for (const AddressWish& wish : wishes) {
    const auto lease = before.leases.find(wish.service);
    if (lease != before.leases.end() && !wish.attached && !others.services.contains(wish.service)) {
      out.insert(lease->second.ipv4);
      out.insert(lease->second.ipv6.value_or(lease->second.ipv4));
    }
  }
  return out;
}

/// Of what services ask for or had, what somebody else had when the kernel last heard of it.
std::set<IpAddress> doubtful(std::set<IpAddress> addresses,
                             const std::vector<AddressWish>& wishes,
                             const BridgeNeighbours& neighbours) {
  for (const AddressWish& wish : wishes) {
    for (const auto& asked : {wish.ipv4, wish.ipv6}) {
      if (asked) {
        addresses.insert(asked->address);
      }
    }
  }
  std::erase_if(addresses,
                [&](const IpAddress& address) { return !neighbours.is_remembered(address); });
  return addresses;
}

/// What services ask for and what is free, by asking about it until nobody says anything.
Result<Addresses> choose(const Addresses& before,
                         const net::BridgeSpec& bridge,
                         const std::vector<AddressWish>& wishes,
                         const AppliedState& others,
                         BridgeNeighbours& neighbours) {
  const std::set<IpAddress> kept = kept_addresses(before, wishes, others);
  MOSB_CHECK(neighbours.ask(doubtful(kept, wishes, neighbours), net::kThorough));
  MOSB_CHECK(neighbours.ask(kept, net::kInPassing));
  for (int i = 0; i < kMaxTries; ++i) {
    const Addresses chosen =
        MOSB_TRY(assign_addresses(before, bridge, wishes, neighbours.claims()));
    MOSB_CHECK(neighbours.ask(new_addresses(before, chosen, wishes), net::kThorough));
    // Of what is asked for, a claim changes nothing here.
    Addresses again = MOSB_TRY(assign_addresses(before, bridge, wishes, neighbours.claims()));
    if (again == chosen) {
      return again;
    }
  }
  return Error(Errc::kNetSetup,
               "at bridge " + quote(bridge.name) +
                   " somebody answers for each address that was tried")
      .with_hint("find out who does, or name another bridge under `bridge` in mosb.yaml");
}

}  // namespace

Result<Addresses> AddressReservation::all() const {
  if (!refused.empty()) {
    return refused.begin()->second;
  }
  return addresses;
}

Result<AddressReservation> reserve_addresses(const Paths& paths,
                                             const std::string& instance,
                                             const BridgeConfiguration& configuration,
                                             const AppliedState& others,
                                             const std::vector<manifest::Target>& targets) {
  std::vector<AddressWish> wishes = wishes_of(others, targets);
  const Addresses before = MOSB_TRY(read_addresses(paths));
  if (wishes.empty()) {
    return AddressReservation{before, {}};
  }
  net::LibNetlink netlink;
  const net::BridgeSpec bridge = MOSB_TRY(find_bridge(configuration, instance, netlink));
  auto neighbours = MOSB_TRY(BridgeNeighbours::look(
      bridge, instance, own_macs(before, instance), netlink, RealClock().now()));
  for (AddressWish& wish : wishes) {
    wish.attached = neighbours.is_attached(wish.service);
  }
  Addresses chosen = MOSB_TRY(choose(before, bridge, wishes, others, neighbours));
  // Of others, those that are down keep nobody else down.
  std::erase_if(wishes,
                [&](const AddressWish& wish) { return others.services.contains(wish.service); });
  auto refused = refused_addresses(before, bridge, wishes, neighbours.claims());
  return AddressReservation{std::move(chosen), std::move(refused)};
}

}  // namespace mosb::agent
