#include "mosb/net/spoof_rules.h"

#include "mosb/base/hex.h"
#include "mosb/base/text.h"

namespace mosb::net {

namespace {

struct Elements {
  std::vector<std::string> ports;
  std::vector<std::string> macs;
  std::vector<std::string> own4;
  std::vector<std::string> true4;
  std::vector<std::string> own6;
  std::vector<std::string> with_ipv6;
  std::vector<std::string> isolated;
  std::vector<std::string> self;
};

std::string quoted(const std::string& name) {
  return '"' + name + '"';
}

std::string hex(const IpAddress& address) {
  return "0x" + to_hex(std::as_bytes(address.bytes()));
}

/// nft 1.0.6 has no name for the target of a neighbour advertisement, and sets of such raw bytes
/// cannot have a device's name in them: so each service has a chain of its own for it.
std::string announcements(const std::string& device, const ServicePort& service) {
  return "  chain ip6_" + device +
         " {\n"
         "    icmpv6 type nd-neighbor-advert @th,64,128 != { " +
         hex(*service.ipv6) + ", " + hex(service.mac.link_local()) +
         " } drop\n"
         "    goto from_ip6\n"
         "  }\n";
}

// Each chain ends in a drop or an accept that is reached by what is left: what is none of these
// protocols (VLAN tags, say, which would hide the rest) has no business here.
constexpr char kChains[] = R"(  chain from_arp {
    iifname . arp saddr ether != @macs drop
    arp saddr ip 0.0.0.0 accept
    iifname . arp saddr ip @own4 accept
    drop
  }
  chain from_ip4 {
    ip daddr 127.0.0.0/8 drop
    udp sport 67 drop
    accept
  }
  chain from_ip6 {
    icmpv6 type { nd-router-advert, nd-redirect } drop
    udp sport 547 drop
    iifname . ip6 saddr @own6 accept
    ip6 saddr :: accept
    drop
  }
)";

// Almost all frames are IPv4 ones with the addresses of their service, which takes one look.
// Before br_netfilter (0) hands frames to the IP tables, so that those see only true addresses.
// `self`: with br_netfilter what a service sends to itself by way of a forward turns round here.
constexpr char kHooks[] = R"(  chain from_port {
    iifname . ether saddr != @macs drop
    ether type arp goto from_arp
    ether type ip6 iifname vmap @with_ipv6
    drop
  }
  chain prerouting {
    type filter hook prerouting priority -300; policy accept;
    ether type ip iifname . ether saddr . ip saddr @true4 goto from_ip4
    iifname @ports goto from_port
  }
  chain forward {
    type filter hook forward priority -300; policy accept;
    iifname . oifname @self accept
    iifname @isolated drop
    oifname @isolated drop
  }
)";

}  // namespace

std::string set_text(const std::string& name,
                     const std::string& type,
                     const std::vector<std::string>& elements) {
  const bool is_map = type.find(" : ") != std::string::npos;
  return std::string(is_map ? "  map " : "  set ") + name + " { type " + type + "; " +
         (elements.empty() ? "" : "elements = { " + join(elements, ", ") + " }; ") + "}\n";
}

std::string spoof_rules(const NetworkSpec& spec) {
  Elements in;
  std::string announced;
  for (const ServicePort& service : spec.services) {
    const std::string device = device_name(spec.instance, service.service);
    const std::string port = quoted(device);
    in.ports.push_back(port);
    in.macs.push_back(port + " . " + service.mac.str());
    in.own4.push_back(port + " . " + service.ipv4.str());
    in.true4.push_back(port + " . " + service.mac.str() + " . " + service.ipv4.str());
    if (service.ipv6) {
      in.own6.push_back(port + " . " + service.ipv6->str());
      in.own6.push_back(port + " . " + service.mac.link_local().str());
      in.with_ipv6.push_back(port + " : goto ip6_" + device);
      announced += announcements(device, service);
    }
    if (service.isolated) {
      in.isolated.push_back(port);
      in.self.push_back(port + " . " + port);
    }
  }
  return set_text("ports", "ifname", in.ports) + set_text("macs", "ifname . ether_addr", in.macs) +
         set_text("own4", "ifname . ipv4_addr", in.own4) +
         set_text("true4", "ifname . ether_addr . ipv4_addr", in.true4) +
         set_text("own6", "ifname . ipv6_addr", in.own6) +
         set_text("isolated", "ifname", in.isolated) +
         set_text("self", "ifname . ifname", in.self) + kChains + announced +
         set_text("with_ipv6", "ifname : verdict", in.with_ipv6) + kHooks;
}

}  // namespace mosb::net
