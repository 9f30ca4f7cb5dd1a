#pragma once

#include <string>
#include <vector>

#include "lxc/config_items.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// A container for liblxc to run in the foreground.
struct LxcRun {
  std::string name;
  /// Where liblxc would look for more configuration: an empty directory.
  std::string lxc_path;
  std::vector<ConfigItem> items;
  /// Process 1, byte for byte.
  std::vector<std::string> argv;
};

/// Starts the container and stays its monitor until its process 1 has ended.
/// Errors: kRuntime if a key is refused or the container did not start; liblxc's own words are in
/// the file of lxc.log.file.
Status run_in_foreground(const LxcRun& run);

}  // namespace mosb::lxc
