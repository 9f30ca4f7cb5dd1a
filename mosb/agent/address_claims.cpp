#include "mosb/agent/address_claims.h"

#include <algorithm>
#include <utility>

#include "mosb/agent/service_network.h"
#include "mosb/base/text.h"
#include "mosb/net/dhcp_leases.h"
#include "mosb/net/names.h"
#include "mosb/net/who_has.h"

namespace mosb::agent {

Result<BridgeNeighbours> BridgeNeighbours::look(const net::BridgeSpec& bridge,
                                                const std::string& instance,
                                                std::set<net::MacAddress> own,
                                                net::Netlink& netlink,
                                                SystemTime now) {
  BridgeNeighbours out;
  out.own_ = std::move(own);
  const std::vector<net::Link> links = MOSB_TRY(netlink.links());
  const auto link = std::ranges::find(links, bridge.name, &net::Link::name);
  if (link == links.end()) {
    return out;
  }
  out.device_ = link->index;
  for (const net::Link& port : links) {
    const std::string service = net::service_of(instance, port.alias);
    if (port.master == link->index && !service.empty()) {
      out.attached_.insert(service);
    }
    out.has_others_ |= port.master == link->index && service.empty();
  }
  for (const net::DhcpLease& lease : MOSB_TRY(net::lxc_net_leases(bridge.name, now))) {
    out.known_[lease.address] =
        "a DHCP lease of " + quote(lease.name) + " (" + escape(lease.holder) + ")";
  }
  for (const IpPrefix& address : MOSB_TRY(netlink.addresses(link->index))) {
    out.known_[address.address] = "the bridge itself";
  }
  if (out.has_others_) {
    for (const net::Neighbour& neighbour : MOSB_TRY(netlink.neighbours(link->index))) {
      // A service had it that is not applied any more.
      const bool was_own =
          service_mac({neighbour.address, std::nullopt}, instance) == neighbour.mac;
      if (was_own || out.own_.contains(neighbour.mac)) {
        continue;
      }
      if (neighbour.is_permanent) {
        out.known_[neighbour.address] =
            neighbour.mac.str() + ", as a permanent neighbour entry says";
      } else {
        out.remembered_[neighbour.address] = neighbour.mac.str() + ", which had it a while ago";
      }
    }
  }
  return out;
}

AddressClaims BridgeNeighbours::claims() const {
  AddressClaims all = known_;
  all.insert(remembered_.begin(), remembered_.end());
  return all;
}

Status BridgeNeighbours::ask(const std::set<IpAddress>& addresses, int questions) {
  std::set<IpAddress> open;
  std::ranges::copy_if(addresses, std::inserter(open, open.end()), [&](const IpAddress& address) {
    return !known_.contains(address) && !asked_.contains(address);
  });
  if (!has_others_ || open.empty()) {
    return ok();
  }
  for (const auto& [address, mac] : MOSB_TRY(net::who_has(device_, open, own_, questions))) {
    known_[address] = mac.str() + ", which answers for it";
  }
  for (const IpAddress& address : open) {
    remembered_.erase(address);
    asked_.insert(address);
  }
  return ok();
}

}  // namespace mosb::agent
