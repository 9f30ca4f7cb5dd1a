#include "mosb/agent/network_wish.h"

#include <cstdint>
#include <map>

#include "mosb/agent/service_network.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

/// Two services cannot have one port.
Status check_collisions(const std::vector<net::ServicePort>& services) {
  struct Taken {
    const net::PortForward* forward;
    const std::string* service;
  };
  std::multimap<std::uint16_t, Taken> taken;
  for (const net::ServicePort& service : services) {
    for (const net::PortForward& forward : service.forwards) {
      const auto [first, last] = taken.equal_range(forward.host_port);
      for (auto it = first; it != last; ++it) {
        if (*it->second.service != service.service && collide(*it->second.forward, forward)) {
          return Error(Errc::kNetSetup,
                       "service " + quote(service.service) + ": " + forward_text(forward) +
                           " belongs to service " + quote(*it->second.service));
        }
      }
      taken.emplace(forward.host_port, Taken{&forward, &service.service});
    }
  }
  return ok();
}

std::string hostname_of(const manifest::Target& target) {
  return target.hostname.value_or(target.service_name);
}

}  // namespace

std::string forward_text(const net::PortForward& forward) {
  return std::string(net::protocol_name(forward.protocol)) + " port " +
         std::to_string(forward.host_port) +
         (forward.host_ip ? " of " + forward.host_ip->str() : " of the host");
}

bool collide(const net::PortForward& a, const net::PortForward& b) {
  return a.protocol == b.protocol && a.host_port == b.host_port &&
         (!a.host_ip || !b.host_ip || *a.host_ip == *b.host_ip);
}

Result<NetworkWish> network_wish(const std::string& instance,
                                 const AppliedState& state,
                                 const Addresses& addresses,
                                 std::string_view host_resolv_conf) {
  NetworkWish wish;
  wish.spec = {instance, addresses.bridge, {}};
  for (const auto& [name, service] : state.services) {
    const auto lease = addresses.leases.find(name);
    if (!service.is_down() && is_connected(service.target()) && lease != addresses.leases.end()) {
      wish.spec.services.push_back(service_port(service.target(), lease->second, instance));
    }
  }
  MOSB_CHECK(check_collisions(wish.spec.services));
  for (const net::ServicePort& port : wish.spec.services) {
    const manifest::Target& target = state.services.at(port.service).target();
    const std::string hostname = hostname_of(target);
    wish.files[port.service] = {hosts_text(port, hostname, wish.spec.services),
                                resolv_conf_text(target.network.dns, host_resolv_conf),
                                hostname + "\n"};
  }
  return wish;
}

}  // namespace mosb::agent
