#pragma once

#include "mosb/base/result.h"
#include "verity/mounted_image.h"

namespace mosb::verity {

/// mount_image() under the lock and with real paths. `environment`, too, has real paths.
Status mount_resolved(const ImageMount& image, const MountEnvironment& environment, MountApi& api);

}  // namespace mosb::verity
