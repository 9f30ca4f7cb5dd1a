#pragma once

#include <string>
#include <vector>

#include "lxc/container_spec.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// Looks at an image's root directory before anything runs in it, and makes what is missing where
/// it may. Nothing outside is ever reached: symlinks resolve inside, and none is accepted where the
/// kernel's file systems or a mount go. Only at the place of a bound file, and only where the root
/// may be written, a symlink or special file is removed for an empty file. The value: the
/// directories that get a tmpfs (only for a read-only root). Errors: kRuntime, naming the path.
Result<std::vector<std::string>> prepare_rootfs(int rootfs, const ContainerSpec& spec);

}  // namespace mosb::lxc
