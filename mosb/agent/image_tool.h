#pragma once

#include <string>
#include <vector>

#include "mosb/base/process.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// A program of somebody else's that makes the image of a file system.
struct ImageTool {
  std::vector<std::string> argv;
  /// Its standard input, or -1.
  int input_fd = -1;
  /// What to install where it is missing.
  std::string package;
};

/// Runs it with no environment but the C locale, so that its result depends on its arguments alone.
/// Errors: kContent with its last line if it fails, kResource if it says that there is no room,
/// kHost if it is not installed.
Status run_image_tool(const ImageTool& tool, ProcessRunner& processes);

}  // namespace mosb::agent
