#pragma once

#include "mosb/agent/applied_state.h"
#include "mosb/agent/apply.h"
#include "mosb/agent/configuration.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// Puts the host's network back as the applied services want it, if it was made in this boot:
/// bridge, rules, settings, devices and name files. Judges no image, chooses no address, and starts
/// and stops nothing. Where all is as it should be, nothing is written. Errors: kNetSetup, also for
/// a firewall that drops what services send and may not be adjusted; all else is mended before.
Result<ApplyReport> mend_network(const Instance& instance, const Configuration& configuration);

/// After services were stopped: the network that those need that are left.
Status settle_network(const Instance& instance,
                      const AppliedState& state,
                      const ServiceRuntime& runtime);

}  // namespace mosb::agent
