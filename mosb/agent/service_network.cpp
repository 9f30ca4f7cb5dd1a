#include "mosb/agent/service_network.h"

#include <algorithm>
#include <set>

#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/text.h"
#include "mosb/net/address_pool.h"

namespace mosb::agent {

namespace {

constexpr ByteCount kMaxFile{4 * kMiB};
constexpr const char* kDefaultSubnet = "10.0.3.0/24";

std::string file_of(const Paths& paths) {
  return paths.state() + "/network.json";
}

/// The network's first host: what lxc-net gives its bridge, too.
IpPrefix first_host(const IpPrefix& subnet) {
  std::array<std::uint8_t, 16> bytes{};
  const IpAddress first = subnet.first();
  std::copy(first.bytes().begin(), first.bytes().end(), bytes.begin());
  const std::size_t last = first.bytes().size() - 1;
  bytes[last] = static_cast<std::uint8_t>(bytes[last] | 1U);
  if (!first.is_v4()) {
    return {IpAddress::v6(bytes), subnet.length};
  }
  std::uint32_t number = 0;
  for (std::size_t i = 0; i <= last; ++i) {
    number = (number << 8U) | bytes[i];
  }
  return {IpAddress::v4(number), subnet.length};
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

Error taken(const IpAddress& address, const std::string& service, const std::string& holder) {
  return Error(Errc::kNetSetup,
               "address " + address.str() + " of service " + quote(service) +
                   " belongs to service " + quote(holder));
}

/// Hands out the addresses of one family.
class Assignment {
 public:
  explicit Assignment(const IpPrefix& bridge) : bridge_(bridge) {}

  Status fix(const std::string& service, const IpAddress& address) {
    const auto [it, is_new] = holders_.emplace(address, service);
    if (!is_new) {
      return taken(address, service, it->second);
    }
    taken_.insert(address);
    given_.insert_or_assign(service, address);
    return ok();
  }
  Status fix(const std::string& service, const manifest::TargetAddress& wish) {
    const std::string what = "service " + quote(service);
    if (wish.length && *wish.length != bridge_.length) {
      return Error(Errc::kManifest,
                   what + ": the network of " + wish.address.str() + "/" +
                       std::to_string(*wish.length) + " is not the bridge's, " +
                       bridge_.first().str() + "/" + std::to_string(bridge_.length));
    }
    MOSB_CHECK(net::check_member(wish.address, bridge_).context(what));
    return fix(service, wish.address);
  }
  /// What it had, if that is still a good address and nobody else's, else a free one.
  Status choose(const std::string& service, const std::optional<IpAddress>& before) {
    if (before && before->is_v4() == bridge_.address.is_v4() &&
        net::check_member(*before, bridge_) && !taken_.contains(*before)) {
      return fix(service, *before);
    }
    return fix(
        service,
        MOSB_TRY(
            net::choose_address(bridge_, taken_, service).context("service " + quote(service))));
  }
  bool has(const std::string& service) const { return given_.contains(service); }
  const IpAddress& of(const std::string& service) const { return given_.at(service); }

 private:
  const IpPrefix& bridge_;
  std::set<IpAddress> taken_;
  std::map<IpAddress, std::string> holders_;
  std::map<std::string, IpAddress> given_;
};

std::optional<IpAddress> lease_of(const Addresses& before, const std::string& service, bool v4) {
  const auto it = before.leases.find(service);
  if (it == before.leases.end()) {
    return std::nullopt;
  }
  return v4 ? std::optional(it->second.ipv4) : it->second.ipv6;
}

Result<Assignment> assign_family(const Addresses& before,
                                 const IpPrefix& bridge,
                                 const std::vector<AddressWish>& wishes,
                                 bool v4) {
  Assignment assignment(bridge);
  // First what cannot move, then what was asked for, then what was had, then the rest.
  for (const AddressWish& wish : wishes) {
    const auto lease = lease_of(before, wish.service, v4);
    if (wish.untouched && lease) {
      MOSB_CHECK(assignment.fix(wish.service, *lease));
    }
  }
  for (const AddressWish& wish : wishes) {
    const auto& asked = v4 ? wish.ipv4 : wish.ipv6;
    if (asked && !assignment.has(wish.service)) {
      MOSB_CHECK(assignment.fix(wish.service, *asked));
    }
  }
  for (const bool had : {true, false}) {
    for (const AddressWish& wish : wishes) {
      const auto lease = lease_of(before, wish.service, v4);
      if (!assignment.has(wish.service) && lease.has_value() == had) {
        MOSB_CHECK(assignment.choose(wish.service, lease));
      }
    }
  }
  return assignment;
}

Json to_json(const Addresses& addresses) {
  Json services = Json::object();
  for (const auto& [name, lease] : addresses.leases) {
    services[name] = {{"ipv4", lease.ipv4.str()}};
    if (lease.ipv6) {
      services[name]["ipv6"] = lease.ipv6->str();
    }
  }
  Json bridge{{"name", addresses.bridge.name}, {"ipv4", addresses.bridge.ipv4.str()}};
  if (addresses.bridge.ipv6) {
    bridge["ipv6"] = addresses.bridge.ipv6->str();
  }
  return {{"bridge", std::move(bridge)}, {"services", std::move(services)}};
}

Result<Addresses> parse_addresses(const std::string& text) {
  const Json json = MOSB_TRY(json::parse(text, kMaxFile));
  const Json& bridge = *MOSB_TRY(json::require_object(json, "bridge"));
  Addresses out;
  out.bridge.name = MOSB_TRY(json::require_string(bridge, "name"));
  out.bridge.ipv4 = MOSB_TRY(IpPrefix::parse(MOSB_TRY(json::require_string(bridge, "ipv4"))));
  if (const auto ipv6 = MOSB_TRY(json::optional_string(bridge, "ipv6"))) {
    out.bridge.ipv6 = MOSB_TRY(IpPrefix::parse(*ipv6));
  }
  const Json& services = *MOSB_TRY(json::require_object(json, "services"));
  for (const auto& [name, lease] : services.items()) {
    Lease& to = out.leases[name];
    to.ipv4 = MOSB_TRY(IpAddress::parse(MOSB_TRY(json::require_string(lease, "ipv4"))));
    if (const auto ipv6 = MOSB_TRY(json::optional_string(lease, "ipv6"))) {
      to.ipv6 = MOSB_TRY(IpAddress::parse(*ipv6));
    }
  }
  return out;
}

std::vector<net::Protocol> protocols(manifest::TargetPort::Protocol protocol) {
  switch (protocol) {
    case manifest::TargetPort::Protocol::kTcp:
      return {net::Protocol::kTcp};
    case manifest::TargetPort::Protocol::kUdp:
      return {net::Protocol::kUdp};
    case manifest::TargetPort::Protocol::kBoth:
      break;
  }
  return {net::Protocol::kTcp, net::Protocol::kUdp};
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

Result<Addresses> assign_addresses(const Addresses& before,
                                   const net::BridgeSpec& bridge,
                                   const std::vector<AddressWish>& wishes) {
  Addresses out{bridge, {}};
  const Assignment v4 = MOSB_TRY(assign_family(before, bridge.ipv4, wishes, true));
  for (const AddressWish& wish : wishes) {
    if (wish.ipv6 && !bridge.ipv6) {
      return Error(Errc::kNetSetup,
                   "service " + quote(wish.service) + " asks for " + wish.ipv6->address.str() +
                       ", but bridge " + quote(bridge.name) + " has no network of IPv6")
          .with_hint("give it one with bridge.subnet6 in mosb.yaml");
    }
    out.leases[wish.service] = {v4.of(wish.service), std::nullopt};
  }
  if (bridge.ipv6) {
    const Assignment v6 = MOSB_TRY(assign_family(before, *bridge.ipv6, wishes, false));
    for (const AddressWish& wish : wishes) {
      out.leases[wish.service].ipv6 = v6.of(wish.service);
    }
  }
  return out;
}

Result<Addresses> read_addresses(const Paths& paths) {
  const std::string path = file_of(paths);
  const auto text = read_file(path, kMaxFile);
  if (!text) {
    if (text.error().code() == Errc::kNotFound) {
      return Addresses();
    }
    return text.error();
  }
  return parse_addresses(*text).context("read " + quote(path)).as(Errc::kState);
}

Status save_addresses(const Paths& paths, const Addresses& addresses) {
  const auto before = read_addresses(paths);
  if (before && *before == addresses) {
    return ok();
  }
  return write_file_atomic(file_of(paths), to_json(addresses).dump(2) + "\n", 0600);
}

bool is_connected(const manifest::Target& target) {
  return target.network.type == manifest::TargetNetwork::Type::kSimple;
}

net::ServicePort service_port(const manifest::Target& target,
                              const Lease& lease,
                              const std::string& instance) {
  net::ServicePort port;
  port.service = target.service_name;
  port.mac = net::MacAddress::derived_from(instance + "/" + target.service_name);
  port.ipv4 = lease.ipv4;
  port.ipv6 = lease.ipv6;
  port.isolated = target.network.isolate;
  for (const manifest::TargetPort& wish : target.network.ports) {
    for (const net::Protocol protocol : protocols(wish.protocol)) {
      port.forwards.push_back({protocol, wish.host_ip, wish.host, wish.container});
    }
  }
  return port;
}

}  // namespace mosb::agent
