#pragma once

#include <string>
#include <vector>

#include "lxc/container_spec.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// Moves the calling process into a mount namespace of its own whose root is a small tmpfs with
/// nothing but what liblxc needs (paths: config_items.h): the container's root, volumes and
/// files, /proc, /sys, six device nodes and mosb-init. So the container's id range can reach them
/// though mosb's directories are closed, no file of the host's configures liblxc, and no mount of
/// the host is held. The value: the directories of the image that get a tmpfs (rootfs.h). Errors:
/// kRuntime for what is wrong with the image or a volume; kHost if the kernel refuses.
Result<std::vector<std::string>> enter_private_root(const ContainerSpec& spec,
                                                    const std::string& init_program);

}  // namespace mosb::lxc
