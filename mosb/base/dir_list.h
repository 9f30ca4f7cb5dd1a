#pragma once

#include <string>
#include <vector>

#include "mosb/base/result.h"

namespace mosb {

/// The names in a directory, sorted, without "." and "..". Errors: kNotFound.
Result<std::vector<std::string>> list_dir(const std::string& dir);

}  // namespace mosb
