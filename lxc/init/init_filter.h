#pragma once

namespace mosb::lxc {

/// Adds the seccomp filter for what liblxc's policy file cannot say: calls of another architecture
/// or ABI, and arguments: new namespaces through clone, socket families, terminal injection,
/// execution domains. Returns 0 or errno.
int install_argument_filter();

}  // namespace mosb::lxc
