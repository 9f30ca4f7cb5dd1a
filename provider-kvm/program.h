#pragma once

#include <string>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::kvm {

/// The path of a program of the host, looked for where distributions put programs.
/// Errors: kHost if it is not installed.
Result<std::string> find_program(const std::string& name);

/// All of the environment that programs get from mosb.
std::vector<std::string> program_environment();

}  // namespace mosb::kvm
