#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mosb/agent/address_claims.h"
#include "mosb/agent/paths.h"
#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/manifest/target_network.h"
#include "mosb/net/network_spec.h"

namespace mosb::agent {

/// The addresses of one service at the bridge.
struct Lease {
  IpAddress ipv4;
  /// Only where the bridge has a network of IPv6.
  std::optional<IpAddress> ipv6;
  bool operator==(const Lease&) const = default;
};

/// The bridge that services are attached to, and who has which address there. Kept over reboots: a
/// service has the same address as long as it is applied.
struct Addresses {
  net::BridgeSpec bridge;
  std::map<std::string, Lease> leases;
  bool operator==(const Addresses&) const = default;
};

/// One service that wants a place at the bridge.
struct AddressWish {
  std::string service;
  std::optional<manifest::TargetAddress> ipv4;
  std::optional<manifest::TargetAddress> ipv6;
  /// It runs and is not touched: what it has, it keeps.
  bool untouched = false;
  /// Its device is at the bridge: that it has its address is no question.
  bool attached = false;
};

/// Gives every wish its addresses: what it asks for, else what it had, else what is free; of the
/// latter two nothing that is claimed. Pure. Errors: kManifest for an address that no service can
/// have there, kNetSetup for one that another service has.
Result<Addresses> assign_addresses(const Addresses& before,
                                   const net::BridgeSpec& bridge,
                                   const std::vector<AddressWish>& wishes,
                                   const AddressClaims& claims = {});

/// Those among the assigned addresses that services did not have before; of attached ones none.
std::set<IpAddress> new_addresses(const Addresses& before,
                                  const Addresses& assigned,
                                  const std::vector<AddressWish>& wishes);

/// By service: an address that it asks for and that somebody else has (kNetSetup). Pure.
std::map<std::string, Error> refused_addresses(const Addresses& before,
                                               const net::BridgeSpec& bridge,
                                               const std::vector<AddressWish>& wishes,
                                               const AddressClaims& claims);

/// What was reserved last; nothing if no service ever had an address. Errors: kState.
Result<Addresses> read_addresses(const Paths& paths);
/// Durable; writes nothing when nothing differs.
Status save_addresses(const Paths& paths, const Addresses& addresses);

}  // namespace mosb::agent
