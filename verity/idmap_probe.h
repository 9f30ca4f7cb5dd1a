#pragma once

#include <string>

#include "mosb/base/result.h"
#include "verity/mount_api.h"

namespace mosb::verity {

/// "" if this kernel id-maps squashfs, else why not. Asks the kernel itself with an image of one
/// empty directory, mounted nowhere. Errors: kResource without a free loop device, kHost without
/// squashfs or loop driver.
Result<std::string> find_idmap_obstacle(MountApi& api);

}  // namespace mosb::verity
