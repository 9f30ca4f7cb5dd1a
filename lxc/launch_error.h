#pragma once

#include <string>

#include "lxc/init_protocol.h"
#include "mosb/base/error.h"

namespace mosb::lxc {

/// What mosb-init says of a program that it could not run, for a person. Class kRuntime.
Error launch_error(const InitMessage& failed, const std::string& program, const std::string& cwd);

}  // namespace mosb::lxc
