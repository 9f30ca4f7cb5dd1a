#pragma once

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

/// Chooses addresses for the connected ones among `targets`, beside those of `others`, of which
/// those that are not held down keep theirs. Writes nothing; without a connected service nothing of
/// the host is looked at either. Errors: those of find_bridge() and assign_addresses().
Result<Addresses> reserve_addresses(const Paths& paths,
                                    const std::string& instance,
                                    const BridgeConfiguration& configuration,
                                    const AppliedState& others,
                                    const std::vector<manifest::Target>& targets);

}  // namespace mosb::agent
