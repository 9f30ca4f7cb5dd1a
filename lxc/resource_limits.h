#pragma once

#include <map>
#include <string>

#include <sys/types.h>

#include "mosb/base/result.h"

namespace mosb::lxc {

/// Lowers the calling process's resource limits to the profile's; what it starts inherits them.
/// A hard limit that is lower already stays.
/// The value: the limits as they are then, "soft:hard" by name.
Result<std::map<std::string, std::string>> set_resource_limits();

/// The same limits of another process.
std::map<std::string, std::string> read_resource_limits(pid_t pid);

}  // namespace mosb::lxc
