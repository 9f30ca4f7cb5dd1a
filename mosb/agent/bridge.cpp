#include "mosb/agent/bridge.h"

#include <algorithm>
#include <vector>

#include "mosb/base/text.h"
#include "mosb/net/address_pool.h"

namespace mosb::agent {

namespace {

constexpr const char* kDefaultSubnet = "10.0.3.0/24";

/// The network's first host: what lxc-net gives its bridge, too.
IpPrefix first_host(const IpPrefix& subnet) {
  return {net::at_offset(subnet, 1), subnet.length};
}

bool same_network(const IpPrefix& a, const IpPrefix& b) {
  return a.length == b.length && a.address.is_v4() == b.address.is_v4() && a.first() == b.first();
}

bool is_link_local(const IpAddress& address) {
  return !address.is_v4() && address.bytes()[0] == 0xfe && (address.bytes()[1] & 0xc0U) == 0x80;
}

/// Of the bridge's addresses, the one that services take part in.
std::optional<IpPrefix> choose_own(const std::vector<IpPrefix>& addresses,
                                   const std::optional<IpPrefix>& wanted,
                                   bool v4) {
  for (const IpPrefix& address : addresses) {
    if (address.address.is_v4() == v4 && !is_link_local(address.address) &&
        (!wanted || same_network(address, *wanted))) {
      return address;
    }
  }
  return std::nullopt;
}

/// A bridge that somebody else made is used as it is.
Result<net::BridgeSpec> adopt(const BridgeConfiguration& configuration,
                              const net::Link& link,
                              net::Netlink& netlink) {
  const std::string what = "device " + quote(link.name);
  if (link.kind != "bridge") {
    return Error(Errc::kNetSetup, what + " is no bridge")
        .with_hint("give another name under `bridge` in mosb.yaml");
  }
  const std::vector<IpPrefix> addresses = MOSB_TRY(netlink.addresses(link.index));
  const auto ipv4 = choose_own(addresses, configuration.subnet, true);
  if (!ipv4) {
    return Error(Errc::kNetSetup,
                 what + " has no address" +
                     (configuration.subnet ? " in " + configuration.subnet->str() : " of IPv4"))
        .with_hint(
            "its owner gives it one; or name a bridge under `bridge` in mosb.yaml that "
            "mosb makes itself");
  }
  const auto ipv6 = choose_own(addresses, configuration.subnet6, false);
  if (configuration.subnet6 && !ipv6) {
    return Error(Errc::kNetSetup, what + " has no address in " + configuration.subnet6->str());
  }
  return net::BridgeSpec{link.name, *ipv4, ipv6};
}

/// Two devices in one network would make half of it unreachable. A bridge of the instance's own
/// under another name is given up for this one.
Status check_free(const net::BridgeSpec& bridge,
                  const std::string& instance,
                  const std::vector<net::Link>& links,
                  net::Netlink& netlink) {
  for (const net::Link& link : links) {
    if (link.name == bridge.name || link.alias == net::bridge_tag(instance)) {
      continue;
    }
    for (const IpPrefix& address : MOSB_TRY(netlink.addresses(link.index))) {
      for (const IpPrefix* own : {&bridge.ipv4, bridge.ipv6 ? &*bridge.ipv6 : nullptr}) {
        if (own != nullptr && (own->contains(address.address) || address.contains(own->address))) {
          return Error(Errc::kNetSetup,
                       "device " + quote(link.name) + " has the address " + address.str() +
                           ", which overlaps with the network of bridge " + quote(bridge.name) +
                           ", " + own->first().str() + "/" + std::to_string(own->length))
              .with_hint("choose another network under `bridge` in mosb.yaml");
        }
      }
    }
  }
  return ok();
}

}  // namespace

Result<net::BridgeSpec> find_bridge(const BridgeConfiguration& configuration,
                                    const std::string& instance,
                                    net::Netlink& netlink) {
  const std::vector<net::Link> links = MOSB_TRY(netlink.links());
  const auto link = std::find_if(
      links.begin(), links.end(), [&](const auto& l) { return l.name == configuration.name; });
  if (link != links.end() && link->alias != net::bridge_tag(instance)) {
    return adopt(configuration, *link, netlink);
  }
  const IpPrefix subnet =
      configuration.subnet ? *configuration.subnet : MOSB_TRY(IpPrefix::parse(kDefaultSubnet));
  net::BridgeSpec bridge{configuration.name, first_host(subnet), std::nullopt};
  if (configuration.subnet6) {
    bridge.ipv6 = first_host(*configuration.subnet6);
  }
  MOSB_CHECK(check_free(bridge, instance, links, netlink));
  return bridge;
}

}  // namespace mosb::agent
