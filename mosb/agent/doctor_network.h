#pragma once

#include <vector>

#include "mosb/agent/configuration.h"
#include "mosb/agent/doctor.h"
#include "mosb/agent/paths.h"

namespace mosb::agent {

/// What the network type simple wants of the host, what mosb changed for it and will put back, and
/// what of it is not as it should be. Changes nothing.
std::vector<Capability> examine_network(const Paths& paths, const BridgeConfiguration& bridge);

}  // namespace mosb::agent
