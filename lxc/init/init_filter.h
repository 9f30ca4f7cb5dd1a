#pragma once

#include <span>

#include <linux/filter.h>

namespace mosb::lxc {

/// The seccomp filter of everything in the container, as classic BPF: the calls of
/// lxc/seccomp_policy.h, some of them only with harmless arguments, of the machine's own ABI.
std::span<const sock_filter> container_filter();

/// Puts this process and all that it starts under it. 0 or errno.
int install_container_filter();

}  // namespace mosb::lxc
