#include "mosb/agent/machine_forwards.h"

#include <algorithm>
#include <optional>

#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr unsigned kStep = 10'000;
constexpr unsigned kFirstDynamic = 49'152;
constexpr unsigned kLastPort = 65'535;

bool wants(const manifest::TargetPort& port, kvm::Protocol protocol) {
  using Protocol = manifest::TargetPort::Protocol;
  return port.protocol == Protocol::kBoth ||
         (port.protocol == Protocol::kUdp) == (protocol == kvm::Protocol::kUdp);
}

bool is_free(kvm::Protocol protocol,
             unsigned port,
             const PortTaken& is_taken,
             const std::vector<kvm::HostForward>& forwards) {
  const bool forwarded =
      std::any_of(forwards.begin(), forwards.end(), [&](const kvm::HostForward& forward) {
        return forward.protocol == protocol && forward.host_port == port;
      });
  return !forwarded && (!is_taken || !is_taken(protocol, static_cast<std::uint16_t>(port)));
}

std::optional<std::uint16_t> choose(const PublishedPort& wanted,
                                    const PortTaken& is_taken,
                                    const std::vector<kvm::HostForward>& forwards) {
  for (unsigned port = wanted.port; port <= kLastPort; port += kStep) {
    if (is_free(wanted.protocol, port, is_taken, forwards)) {
      return static_cast<std::uint16_t>(port);
    }
  }
  for (unsigned port = kFirstDynamic; port <= kLastPort; ++port) {
    if (is_free(wanted.protocol, port, is_taken, forwards)) {
      return static_cast<std::uint16_t>(port);
    }
  }
  return std::nullopt;
}

bool leads_to(const kvm::HostForward& forward, const PublishedPort& port) {
  return forward.protocol == port.protocol && forward.guest_port == port.port &&
         !forward.guest_address;
}

}  // namespace

std::vector<PublishedPort> published_ports(const manifest::Manifest& manifest) {
  std::vector<PublishedPort> ports;
  for (const manifest::Target& target : manifest.targets) {
    for (const manifest::TargetPort& port : target.network.ports) {
      for (const kvm::Protocol protocol : {kvm::Protocol::kTcp, kvm::Protocol::kUdp}) {
        const bool known = std::any_of(ports.begin(), ports.end(), [&](const auto& other) {
          return other.protocol == protocol && other.port == port.host;
        });
        const bool from_outside = !port.host_ip || !port.host_ip->is_loopback();
        if (wants(port, protocol) && from_outside && !known) {
          ports.push_back({protocol, port.host, target.service_name});
        }
      }
    }
  }
  return ports;
}

Status add_forwards(const std::vector<PublishedPort>& ports,
                    const PortTaken& is_taken,
                    std::vector<kvm::HostForward>& forwards) {
  for (const PublishedPort& port : ports) {
    if (std::any_of(forwards.begin(), forwards.end(), [&](const kvm::HostForward& forward) {
          return leads_to(forward, port);
        })) {
      continue;
    }
    const auto host_port = choose(port, is_taken, forwards);
    if (!host_port) {
      return Error(Errc::kNetSetup,
                   "forward port " + std::to_string(port.port) + " of service " +
                       quote(port.service) + ": no port of the host is free");
    }
    forwards.push_back({port.protocol, std::nullopt, *host_port, std::nullopt, port.port});
  }
  return ok();
}

}  // namespace mosb::agent
