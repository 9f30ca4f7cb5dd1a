#pragma once

#include <map>
#include <set>
#include <string>

#include "mosb/base/clock.h"
#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/net/mac_address.h"
#include "mosb/net/netlink.h"
#include "mosb/net/network_spec.h"

namespace mosb::agent {

/// Addresses of a bridge's network that somebody else has, and who: "02:00:00:00:00:01, which
/// answers for it", "a DHCP lease of 'c1' (02:…)".
using AddressClaims = std::map<IpAddress, std::string>;

/// Who besides an instance's services is at the bridge. Known without asking anybody: the bridge's
/// own addresses, the leases of lxc-net's DHCP server, and what the kernel's neighbour table
/// remembers, which may be long gone. Where only the instance's own devices are at the bridge,
/// nobody can answer, and nobody is asked.
class BridgeNeighbours {
 public:
  /// `own`: Ethernet addresses of the instance's services. A bridge that is not there has no
  /// neighbours. `netlink` must outlive this. Errors: kNetSetup.
  static Result<BridgeNeighbours> look(const net::BridgeSpec& bridge,
                                       const std::string& instance,
                                       std::set<net::MacAddress> own,
                                       net::Netlink& netlink,
                                       SystemTime now);

  /// Whether the service has its device at the bridge: it runs, with the address that it has.
  bool is_attached(const std::string& service) const { return attached_.contains(service); }
  /// As known so far. What is only remembered counts until it was asked about.
  AddressClaims claims() const;
  bool is_remembered(const IpAddress& address) const { return remembered_.contains(address); }
  /// Asks who has them, so many times, those aside that were asked about before or that are known.
  /// Errors: kNetSetup.
  Status ask(const std::set<IpAddress>& addresses, int questions);

 private:
  BridgeNeighbours() = default;

  int device_ = 0;
  /// Somebody could answer.
  bool has_others_ = false;
  std::set<net::MacAddress> own_;
  std::set<std::string> attached_;
  AddressClaims known_;
  AddressClaims remembered_;
  std::set<IpAddress> asked_;
};

}  // namespace mosb::agent
