#pragma once

#include <map>
#include <string>
#include <vector>

#include "mosb/agent/addresses.h"
#include "mosb/agent/applied_state.h"
#include "mosb/agent/configuration.h"
#include "mosb/agent/uid_ranges.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// What this host has set aside for services, over reboots.
struct Reservations {
  UidRanges ranges;
  Addresses addresses;
};

/// Addresses for services, and by service what keeps it from having the one that it asks for.
struct AddressReservation {
  Addresses addresses;
  std::map<std::string, Error> refused;

  /// The addresses, if every service can have its own. Errors: the first of `refused`.
  Result<Addresses> all() const;
};

/// Chooses addresses for the connected ones among `targets`, beside those of `others`, of which
/// those that are not held down keep theirs. Where others are at the bridge, they are asked whether
/// the address of a service that does not run is theirs: 20 ms, or 60 if it is new for the service.
/// Writes nothing; without a connected service nothing of the host is looked at either. Errors:
/// those of find_bridge(), assign_addresses() and BridgeNeighbours.
Result<AddressReservation> reserve_addresses(const Paths& paths,
                                             const std::string& instance,
                                             const BridgeConfiguration& configuration,
                                             const AppliedState& others,
                                             const std::vector<manifest::Target>& targets);

}  // namespace mosb::agent
