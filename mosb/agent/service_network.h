#pragma once

#include <string>

#include "mosb/agent/addresses.h"
#include "mosb/agent/name_files.h"
#include "mosb/manifest/target.h"
#include "mosb/net/network_spec.h"

namespace mosb::agent {

/// A service's place at the bridge.
struct ServiceNetwork {
  net::BridgeSpec bridge;
  net::ServicePort port;
  /// Filled in when it is known who else is there; no part of the fingerprint.
  NameFiles files = {};
};

/// Whether the target has a place at the bridge.
bool is_connected(const manifest::Target& target);
/// The Ethernet address that goes with a lease.
net::MacAddress service_mac(const Lease& lease, const std::string& instance);
/// A target's place at the bridge. Pure.
net::ServicePort service_port(const manifest::Target& target,
                              const Lease& lease,
                              const std::string& instance);

}  // namespace mosb::agent
