#pragma once

#include <string>

#include "mosb/base/result.h"

namespace mosb::kvm {

/// Makes a tap that outlives this process, sets it up and makes it a port of the bridge.
/// Errors: kNetSetup if a device of that name exists, the bridge is missing or refuses it; nothing
/// is left then.
Status make_tap(const std::string& ifname, const std::string& bridge);

/// Gone is success. Errors: kNetSetup if the device is no tap.
Status remove_tap(const std::string& ifname);

}  // namespace mosb::kvm
