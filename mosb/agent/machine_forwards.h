#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/manifest/manifest.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::agent {

/// A port of the machine at which a service can be reached from outside of it.
struct PublishedPort {
  kvm::Protocol protocol = kvm::Protocol::kTcp;
  std::uint16_t port = 0;
  /// For messages.
  std::string service;
  bool operator==(const PublishedPort&) const = default;
};

/// Whether something else has a port of the host. An empty one says no.
using PortTaken = std::function<bool(kvm::Protocol protocol, std::uint16_t port)>;

/// Each port once, in the order of the manifest. Ports that are published at a loopback address
/// only are left out: nothing from outside reaches them.
std::vector<PublishedPort> published_ports(const manifest::Manifest& manifest);

/// Adds a forward to `forwards` for each of the ports that none of them leads to yet. The host's
/// port is the same number if it is free; else that and 10000, 20000, … if one of those is free;
/// else the first free one from 49152 on. Errors: kNetSetup.
Status add_forwards(const std::vector<PublishedPort>& ports,
                    const PortTaken& is_taken,
                    std::vector<kvm::HostForward>& forwards);

}  // namespace mosb::agent
