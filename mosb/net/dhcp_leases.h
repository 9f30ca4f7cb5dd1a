#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"

namespace mosb::net {

/// An address that a DHCP server gave away.
struct DhcpLease {
  IpAddress address;
  /// The Ethernet address of who has it, as the server wrote it; of IPv6 an identifier.
  std::string holder;
  /// What it called itself, or "*".
  std::string name;
  bool operator==(const DhcpLease&) const = default;
};

/// The leases of dnsmasq's file that are not over. As dnsmasq itself, it passes over lines that are
/// no lease: one that is being written may be cut. Pure.
std::vector<DhcpLease> parse_dhcp_leases(std::string_view text, SystemTime now);

/// Those of the dnsmasq that lxc-net runs for a bridge; none if there is no such file. Errors:
/// kNetSetup for one that cannot be read or is beyond any measure.
Result<std::vector<DhcpLease>> lxc_net_leases(const std::string& bridge, SystemTime now);

}  // namespace mosb::net
