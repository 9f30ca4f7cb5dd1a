#pragma once

#include <string>

#include "mosb/agent/configuration.h"
#include "mosb/base/result.h"
#include "mosb/net/netlink.h"
#include "mosb/net/network_spec.h"

namespace mosb::agent {

/// The bridge's addresses: those that it has, if somebody made it; else the first ones of the
/// configured networks. Errors: kNetSetup where both are given and differ, where the name is no
/// bridge's, or where another device of the host is in the network already.
Result<net::BridgeSpec> find_bridge(const BridgeConfiguration& configuration,
                                    const std::string& instance,
                                    net::Netlink& netlink);

}  // namespace mosb::agent
