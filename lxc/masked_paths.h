#pragma once

#include <string>
#include <vector>

namespace mosb::lxc {

/// Parts of /proc and /sys that no service may see: a file is covered by /dev/null, a directory by
/// an empty read-only tmpfs.
struct MaskedPath {
  std::string path;
  bool directory = false;
  bool operator==(const MaskedPath&) const = default;
};

/// Those of the fixed list that exist below `root` ("/" on a host; the same kernel shows them in
/// the container).
std::vector<MaskedPath> masked_paths(const std::string& root);

/// Parts of /proc that are read-only, beside /proc/sys.
std::vector<std::string> read_only_proc_paths(const std::string& root);

}  // namespace mosb::lxc
