#pragma once

#include <optional>
#include <string>

#include "mosb/base/result.h"
#include "verity/layer.h"

namespace mosb::verity {

struct VolumeBindOptions {
  /// The ids of the volume's files shown shifted; nullopt: as they are.
  std::optional<IdRange> idmap;
  bool readonly = false;
};

/// Shows the directory `source` at the directory `target`, with nodev and nosuid, without the
/// mounts below it. Neither may be a symlink at its end. Calling it twice stacks two mounts.
/// Errors: kVolume; kHost if the volume's file system cannot be id-mapped.
Status bind_volume(const std::string& source,
                   const std::string& target,
                   const VolumeBindOptions& options);

/// Unmounts whatever is on top at `target`; nothing mounted there is success.
/// Errors: kBusy while it is in use.
Status umount_target(const std::string& target);

}  // namespace mosb::verity
