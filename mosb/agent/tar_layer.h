#pragma once

#include <cstdint>
#include <string>

#include "mosb/agent/layer_tree.h"
#include "mosb/agent/rootfs_tar.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// The most that one layer may unpack to, and how many files it may have.
inline constexpr ByteCount kMaxUnpackedLayer{64ULL << 30U};
inline constexpr std::size_t kMaxLayerFiles = 2'000'000;

enum class TarCompression { kNone, kGzip, kZstd };

/// Writes the plain tar into `to`, a new file; the value is its digest (a config's diff_id).
/// Errors: kContent for what is not compressed in this way, is cut, or larger than
/// kMaxUnpackedLayer.
Result<Digest> unpack_tar_layer(const std::string& from,
                                TarCompression compression,
                                const std::string& to);

struct OverlayTar {
  RootDirectory root;
  /// Entries that were written; a layer with none changes nothing.
  std::size_t entries = 0;
};

/// Copies a layer's plain tar to one for the tools whose image of it is the layer as overlayfs
/// takes it: whiteouts are devices 0:0, opaque directories have trusted.overlay.opaque. What is
/// written beneath a symlink of a lower layer goes to where that leads, and a directory that the
/// tar does not list keeps the attributes that it has below; attributes of overlayfs that the tar
/// brings are left out. `tree` has the layers below, and this one, too, afterwards.
/// Errors: kContent for a path that leaves the root, a device 0:0, a link to a file that is not in
/// this layer, files of more than `limit` together, holes included.
/// Spec: OCI image 1.1 §Filesystem layers.
Result<OverlayTar> write_overlay_tar(const std::string& from,
                                     const std::string& to,
                                     LayerTree& tree,
                                     ByteCount limit = kMaxUnpackedLayer);

}  // namespace mosb::agent
