#pragma once

#include <map>
#include <string>
#include <string_view>

#include "mosb/agent/addresses.h"
#include "mosb/agent/applied_state.h"
#include "mosb/agent/name_files.h"
#include "mosb/base/result.h"
#include "mosb/net/network_spec.h"

namespace mosb::agent {

/// The network of an instance as what is applied wants it: the bridge, the rules, and for each
/// service at the bridge the files that it finds names by.
struct NetworkWish {
  net::NetworkSpec spec;
  std::map<std::string, NameFiles> files;
  /// bridge.adjust_firewall of mosb.yaml.
  bool adjust_firewall = false;
};

/// Of every service that is applied, not held down, and has a place at the bridge. Pure but for
/// `host_resolv_conf`, the host's own. Errors: kNetSetup for a port of the host that two services
/// want.
Result<NetworkWish> network_wish(const std::string& instance,
                                 const AppliedState& state,
                                 const Addresses& addresses,
                                 std::string_view host_resolv_conf);

/// Whether one packet could be meant for both. Pure.
bool collide(const net::PortForward& a, const net::PortForward& b);
/// "tcp port 80 of the host".
std::string forward_text(const net::PortForward& forward);

}  // namespace mosb::agent
