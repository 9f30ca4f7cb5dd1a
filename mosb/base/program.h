#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"

namespace mosb {

/// The path of a program of the host, looked for where distributions put programs; one with a slash
/// is a path already. Errors: kNotFound if it is not installed.
Result<std::string> find_program(const std::string& name);

/// All of the environment that programs which need none of their own get.
std::vector<std::string> program_environment();

/// The last line that is not empty: there programs put the reason for their end.
std::string last_line(std::string_view text);

}  // namespace mosb
