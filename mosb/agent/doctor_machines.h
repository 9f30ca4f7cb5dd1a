#pragma once

#include <vector>

#include "mosb/agent/doctor.h"
#include "mosb/agent/paths.h"

namespace mosb::agent {

/// What virtual machines want of the host. Asks a guest of its own whether KVM works, which takes
/// some seconds at most, unless that was asked since the host was started.
std::vector<Capability> examine_machines(const Paths& paths);

}  // namespace mosb::agent
