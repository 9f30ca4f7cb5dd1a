#pragma once

#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "verity/image_record.h"
#include "verity/layer_mount.h"

namespace mosb::verity {

/// What an overlay is made from; every layer is mounted in its place.
struct OverlayRequest {
  const ImageRecord& record;
  /// The places of record.layers, bottom first.
  std::vector<LayerPlace> places;
  /// O_PATH descriptor of the target. Not owned.
  int target = -1;
};

/// Writes the record and mounts the overlay. On failure the temporary mounts that it needs may be
/// left to remove_temporary_mounts(). Errors: kHost if the file system of the upper directory
/// cannot carry an overlay.
Status mount_overlay(const OverlayRequest& request,
                     const MountEnvironment& environment,
                     MountApi& api);

/// Unmounts what mount_overlay() may have left outside the layers' places.
Status remove_temporary_mounts(const MountEnvironment& environment, MountApi& api);

}  // namespace mosb::verity
