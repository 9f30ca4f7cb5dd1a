#include "mosb/agent/service_network.h"

#include <vector>

namespace mosb::agent {

namespace {

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

bool is_connected(const manifest::Target& target) {
  return target.network.type == manifest::TargetNetwork::Type::kSimple;
}

net::MacAddress service_mac(const Lease& lease, const std::string& instance) {
  // Of the address, not of the name: whoever asked for the address before knows the right one still
  // when another service has got it.
  return net::MacAddress::derived_from(instance + "/" + lease.ipv4.str());
}

net::ServicePort service_port(const manifest::Target& target,
                              const Lease& lease,
                              const std::string& instance) {
  net::ServicePort port;
  port.service = target.service_name;
  port.mac = service_mac(lease, instance);
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
