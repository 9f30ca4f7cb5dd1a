#pragma once

#include <string>

#include "mosb/base/result.h"

namespace mosb {

/// This boot of the kernel. Errors: kHost without /proc. Spec: random(4), boot_id.
Result<std::string> current_boot_id();

}  // namespace mosb
