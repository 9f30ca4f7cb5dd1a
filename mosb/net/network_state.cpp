#include "mosb/net/network_state.h"

#include "mosb/net/names.h"
#include "mosb/net/rules_digest.h"

namespace mosb::net {

namespace {

Result<BridgeFacts> bridge_facts(const Link& link,
                                 const std::vector<Link>& links,
                                 const std::string& instance,
                                 Netlink& netlink) {
  BridgeFacts facts{.index = link.index,
                    .is_bridge = link.kind == "bridge",
                    .up = link.up,
                    .ours = link.alias == bridge_tag(instance),
                    .addresses = MOSB_TRY(netlink.addresses(link.index)),
                    .ports = 0};
  for (const Link& other : links) {
    facts.ports += other.master == link.index ? 1 : 0;
  }
  return facts;
}

/// A device of ours: tagged, or killed before it could be.
std::optional<DeviceFacts> device_facts(const Link& link,
                                        const std::string& instance,
                                        int bridge_index) {
  const std::string service = service_of(instance, link.alias);
  if (service.empty() && !(link.alias.empty() && is_pending_name(instance, link.name))) {
    return std::nullopt;
  }
  return DeviceFacts{.name = link.name,
                     .index = link.index,
                     .service = service,
                     .up = link.up,
                     .at_bridge = bridge_index != 0 && link.master == bridge_index};
}

Status read_setting(const std::string& name, Netlink& netlink, NetworkState& state) {
  if (const auto value = MOSB_TRY(netlink.setting(name))) {
    state.settings[name] = *value;
  }
  return ok();
}

}  // namespace

Result<NetworkState> read_network_state(const std::string& instance,
                                        const std::string& bridge,
                                        Netlink& netlink,
                                        Nft& nft) {
  MOSB_CHECK(check_instance(instance));
  NetworkState state;
  const std::vector<Link> links = MOSB_TRY(netlink.links());
  for (const Link& link : links) {
    if (link.name == bridge) {
      state.bridge = MOSB_TRY(bridge_facts(link, links, instance, netlink));
    }
  }
  const int bridge_index = state.bridge ? state.bridge->index : 0;
  for (const Link& link : links) {
    const auto device = device_facts(link, instance, bridge_index);
    if (device) {
      state.devices.push_back(*device);
    }
    // Never routers among the services: what is at the bridge, and the bridge, is left out.
    const bool is_inside =
        bridge_index != 0 && (link.index == bridge_index || link.master == bridge_index);
    if (link.name != "lo" && !device && !is_inside) {
      const std::string name = device_setting("ipv6", link.name, "accept_ra");
      MOSB_CHECK(read_setting(name, netlink, state));
    }
  }
  MOSB_CHECK(read_setting(kForward4, netlink, state));
  MOSB_CHECK(read_setting(kForward6, netlink, state));
  MOSB_CHECK(read_setting(route_localnet_of(bridge), netlink, state));
  state.rules = MOSB_TRY(rules_digest(instance, nft));
  return state;
}

}  // namespace mosb::net
