#pragma once

#include "mosb/agent/service_network.h"
#include "mosb/agent/uid_ranges.h"

namespace mosb::agent {

/// What this host has set aside for services, over reboots.
struct Reservations {
  UidRanges ranges;
  Addresses addresses;
};

}  // namespace mosb::agent
