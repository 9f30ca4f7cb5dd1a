#include "mosb/agent/reservations.h"

#include "mosb/agent/bridge.h"
#include "mosb/agent/service_network.h"

namespace mosb::agent {

namespace {

AddressWish wish_of(const manifest::Target& target, bool untouched) {
  return {target.service_name, target.network.ipv4, target.network.ipv6, untouched};
}

}  // namespace

Result<Addresses> reserve_addresses(const Paths& paths,
                                    const std::string& instance,
                                    const BridgeConfiguration& configuration,
                                    const AppliedState& others,
                                    const std::vector<manifest::Target>& targets) {
  std::vector<AddressWish> wishes;
  for (const manifest::Target& target : targets) {
    if (is_connected(target)) {
      wishes.push_back(wish_of(target, false));
    }
  }
  for (const auto& [name, service] : others.services) {
    if (is_connected(service.target())) {
      wishes.push_back(wish_of(service.target(), !service.stopped));
    }
  }
  const Addresses before = MOSB_TRY(read_addresses(paths));
  if (wishes.empty()) {
    return before;
  }
  net::LibNetlink netlink;
  const net::BridgeSpec bridge = MOSB_TRY(find_bridge(configuration, instance, netlink));
  return assign_addresses(before, bridge, wishes);
}

}  // namespace mosb::agent
