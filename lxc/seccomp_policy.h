#pragma once

#include <span>
#include <string>
#include <string_view>

namespace mosb::lxc {

/// The system calls that every service may make: all of x86-64 Linux 6.1 without the removed ones.
std::span<const std::string_view> allowed_syscalls();
/// What is left out, so that a test can show that nothing was forgotten: mounting, namespaces,
/// modules, tracing, keys, clocks and what nobody uses any more.
std::span<const std::string_view> removed_syscalls();

/// The policy file in liblxc's version 2 form. Everything not listed gives ENOSYS, which lets C
/// libraries fall back (clone3). What depends on arguments is mosb-init's filter.
std::string seccomp_policy();

}  // namespace mosb::lxc
