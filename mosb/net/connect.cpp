#include <algorithm>
#include <set>

#include "mosb/base/text.h"
#include "mosb/net/names.h"
#include "mosb/net/network_plan.h"

namespace mosb::net {

namespace {

constexpr char kInside[] = "eth0";

const Link* find(const std::vector<Link>& links, const std::string& name) {
  const auto found =
      std::find_if(links.begin(), links.end(), [&](const Link& link) { return link.name == name; });
  return found == links.end() ? nullptr : &*found;
}

/// What an earlier run left goes; what is somebody else's stays, and is in the way.
Status clear_place(const NetworkSpec& spec,
                   const std::string& service,
                   const std::vector<Link>& links,
                   Netlink& netlink) {
  const std::string tag = device_tag(spec.instance, service);
  const std::string pending = pending_name(spec.instance, tag);
  const std::string name = device_name(spec.instance, service);
  for (const Link& link : links) {
    if (link.alias == tag || (link.name == pending && link.alias.empty())) {
      MOSB_CHECK(netlink.remove(link.index));
    } else if (link.name == name) {
      return Error(Errc::kNetSetup, "a device of that name is there and is not mosb's")
          .with_hint("remove it: ip link del " + name);
    }
  }
  return ok();
}

/// What is not there on this kernel need not be set.
Status set_if_there(Netlink& netlink, const std::string& setting, const char* value) {
  if (!MOSB_TRY(netlink.setting(setting))) {
    return ok();
  }
  return netlink.set(setting, value);
}

Status set_up_settings(const ServicePort& service, Netlink& inside) {
  const std::string all_redirects = device_setting("ipv4", "all", "accept_redirects");
  // Of a host that does not forward, "all" alone would be enough to have them accepted.
  MOSB_CHECK(set_if_there(inside, all_redirects, "0"));
  MOSB_CHECK(set_if_there(inside, device_setting("ipv4", kInside, "accept_redirects"), "0"));
  MOSB_CHECK(set_if_there(inside, device_setting("ipv4", kInside, "rp_filter"), "1"));
  MOSB_CHECK(set_if_there(inside, device_setting("ipv6", kInside, "accept_ra"), "0"));
  MOSB_CHECK(set_if_there(inside, device_setting("ipv6", kInside, "accept_redirects"), "0"));
  // Nobody else can have its addresses, and a second would pass before they can be used.
  MOSB_CHECK(set_if_there(inside, device_setting("ipv6", kInside, "accept_dad"), "0"));
  // The link-local address that follows from the MAC address is the one that may be used.
  MOSB_CHECK(set_if_there(inside, device_setting("ipv6", kInside, "addr_gen_mode"), "0"));
  const char* const disabled = service.ipv6 ? "0" : "1";
  return set_if_there(inside, device_setting("ipv6", kInside, "disable_ipv6"), disabled);
}

Status set_up_inside(const NetworkSpec& spec, const ServicePort& service, Netlink& inside) {
  const std::vector<Link> links = MOSB_TRY(inside.links());
  const Link* const loopback = find(links, "lo");
  const Link* const device = find(links, kInside);
  if (loopback == nullptr || device == nullptr) {
    return Error(
        Errc::kNetSetup,
        "the network namespace has no " + std::string(loopback == nullptr ? "lo" : kInside));
  }
  MOSB_CHECK(inside.set_up(loopback->index));
  MOSB_CHECK(set_up_settings(service, inside));
  MOSB_CHECK(inside.add_address(device->index, {service.ipv4, spec.bridge.ipv4.length}));
  const bool has_ipv6 = service.ipv6 && spec.bridge.ipv6;
  if (has_ipv6) {
    MOSB_CHECK(inside.add_address(device->index, {*service.ipv6, spec.bridge.ipv6->length}));
  }
  MOSB_CHECK(inside.set_up(device->index));
  MOSB_CHECK(inside.add_default_route(device->index, spec.bridge.ipv4.address));
  return has_ipv6 ? inside.add_default_route(device->index, spec.bridge.ipv6->address) : ok();
}

/// Who had one of the service's addresses before: the host would go on sending to him for some
/// eight seconds, until it asks anew.
Status forget_others(const ServicePort& service, int bridge, Netlink& netlink) {
  for (const Neighbour& neighbour : MOSB_TRY(netlink.neighbours(bridge))) {
    const bool is_its_own = neighbour.address == service.ipv4 || neighbour.address == service.ipv6;
    if (is_its_own && neighbour.mac != service.mac && !neighbour.is_permanent) {
      MOSB_CHECK(netlink.forget_neighbour(bridge, neighbour.address));
    }
  }
  return ok();
}

/// The outer end is raised last: nothing passes before all of it is there.
Status finish(const NetworkSpec& spec, const ServicePort& service, int netns, Netlink& netlink) {
  const std::vector<Link> links = MOSB_TRY(netlink.links());
  const Link* const device = find(links, device_name(spec.instance, service.service));
  if (device == nullptr) {
    return Error(Errc::kNetSetup, "it is gone");
  }
  // Hairpin: with br_netfilter, what a service sends to itself by way of a forward leaves by the
  // port that it came in at. Never the kernel's own isolation, which would drop just that; and it
  // would not hold where the host routes. The rules do.
  MOSB_CHECK(netlink.set_bridge_port(device->index, true, false));
  // The bridge has addresses, its ports need none.
  MOSB_CHECK(set_if_there(netlink, device_setting("ipv6", device->name, "disable_ipv6"), "1"));
  MOSB_CHECK(netlink.in_namespace(netns, [&](Netlink& inside) {
    return set_up_inside(spec, service, inside).context(kInside);
  }));
  MOSB_CHECK(forget_others(service, device->master, netlink));
  return netlink.set_up(device->index);
}

Status make(const NetworkSpec& spec, const ServicePort& service, int netns, Netlink& netlink) {
  MOSB_CHECK(check_names(spec));
  const std::vector<Link> links = MOSB_TRY(netlink.links());
  const Link* const bridge = find(links, spec.bridge.name);
  if (bridge == nullptr) {
    return Error(Errc::kNetSetup, "there is no bridge " + quote(spec.bridge.name));
  }
  MOSB_CHECK(clear_place(spec, service.service, links, netlink));
  MOSB_CHECK(netlink.make_veth({.name = device_name(spec.instance, service.service),
                                .alias = device_tag(spec.instance, service.service),
                                .master = bridge->index,
                                .peer_name = kInside,
                                .peer_mac = service.mac,
                                .peer_netns = netns}));
  const Status finished = finish(spec, service, netns, netlink);
  if (!finished) {
    (void)disconnect(spec, {service.service}, netlink);
  }
  return finished;
}

}  // namespace

Status connect(const NetworkSpec& spec, const ServicePort& service, int netns, Netlink& netlink) {
  return make(spec, service, netns, netlink)
      .context("device " + quote(device_name(spec.instance, service.service)));
}

Status disconnect(const NetworkSpec& spec,
                  const std::vector<std::string>& services,
                  Netlink& netlink) {
  std::set<std::string> tags;
  for (const std::string& service : services) {
    tags.insert(device_tag(spec.instance, service));
  }
  for (const Link& link : MOSB_TRY(netlink.links())) {
    if (tags.contains(link.alias)) {
      MOSB_CHECK(
          netlink.remove(link.index).context("device " + quote(link.name)).as(Errc::kNetSetup));
    }
  }
  return ok();
}

}  // namespace mosb::net
