#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "mosb/agent/layer_tree.h"
#include "mosb/agent/rootfs_tar.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// The most that one layer may unpack to, and how many files it may have.
inline constexpr ByteCount kMaxUnpackedLayer{64ULL << 30U};
inline constexpr std::size_t kMaxLayerFiles = 2'000'000;

struct OverlayTar {
  RootDirectory root;
  /// Entries that were written; a layer with none changes nothing.
  std::size_t entries = 0;
};

/// The plain tar of a layer below, which stays until the next one is asked for. Errors: its own.
using LowerTar = std::function<Result<std::string>(std::size_t layer)>;

/// Copies a layer's plain tar to one for the tools whose image of it is the layer as overlayfs
/// takes it: whiteouts are devices 0:0, opaque directories have trusted.overlay.opaque. What is
/// written beneath a symlink of a lower layer goes to where that leads, and a directory that the
/// tar does not list keeps the attributes that it has below; attributes of overlayfs that the tar
/// brings are left out. A file of a lower layer that is linked to is copied from there, as
/// overlayfs does it for whoever unpacks the tar over the layers below; only the names in this
/// layer are one file afterwards. `tree` has the layers below, and this one, too, afterwards.
/// Errors: kContent for a path that leaves the root, a device 0:0, a link to what is no plain file
/// before it, files of more than `limit` together, holes included; those of `lower`.
/// Spec: OCI image 1.1 §Filesystem layers.
Result<OverlayTar> write_overlay_tar(const std::string& from,
                                     const std::string& to,
                                     LayerTree& tree,
                                     const LowerTar& lower,
                                     ByteCount limit = kMaxUnpackedLayer);

}  // namespace mosb::agent
