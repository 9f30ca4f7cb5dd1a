#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "verity/layer_place.h"

namespace mosb::verity {

/// The empty files of ImageMount::mount_points with their directories, as one layer below all of an
/// image: for each list and range of ids one tree, which images share.
struct MountPoints {
  /// Sorted, each once.
  std::vector<std::string> paths;
  /// Whose root owns them; nullopt: the host's.
  std::optional<IdRange> idmap;
};

/// Errors: kUsage for a path that is not absolute and normalised, printable UTF-8 of moderate
/// length and depth; for one that is below another; for too many.
Status check_mount_points(const std::vector<std::string>& paths);
/// In the one order that they are recorded and compared in.
std::vector<std::string> sorted_mount_points(std::vector<std::string> paths);

/// Where they are, made or not: "points-<digest>" in images_dir().
std::string mount_points_dir(const MountEnvironment& environment, const MountPoints& points);
/// Makes them, if they are not there wholly; the value is their directory. The caller holds the
/// lock.
Result<std::string> make_mount_points(const MountEnvironment& environment,
                                      const MountPoints& points);
/// Removes all but these directories, and what a killed process left half-made.
Status remove_mount_points(const MountEnvironment& environment,
                           const std::vector<std::string>& used_dirs);

}  // namespace mosb::verity
