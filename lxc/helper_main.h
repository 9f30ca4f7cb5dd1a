#pragma once

#include "lxc/helper_setup.h"

namespace mosb::lxc {

/// All of mosb-run but its name: reads the spec from its inherited descriptors, leaves its starter
/// and runs one container to its end. The value is an exit status.
int helper_main(const ItemsHook& hook);

}  // namespace mosb::lxc
