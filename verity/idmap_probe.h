#pragma once

#include <string>

#include "mosb/base/filesystem.h"
#include "mosb/base/result.h"
#include "verity/mount_api.h"

namespace mosb::verity {

/// "" if this kernel id-maps the file system, else why not. Asks the kernel itself with an image of
/// one empty directory, mounted nowhere. Errors: kResource without a free loop device, kHost
/// without the file system or loop driver.
Result<std::string> find_idmap_obstacle(Filesystem filesystem, MountApi& api);

}  // namespace mosb::verity
