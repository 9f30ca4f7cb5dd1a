#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "mosb/agent/layer_format.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"

namespace mosb::agent {

/// What `mosb image convert` is asked for.
struct ConvertRequest {
  /// An ordinary image: layers are tar files, plain or compressed by gzip or zstd.
  oci::Reference from;
  /// Where the new one goes; no digest, which is not known before.
  oci::Reference to;
  LayerFormat format = {};
  /// Of every file, in seconds of the epoch.
  std::uint32_t timestamp = 0;
};

/// Told before each layer: its number from 1, and how many there are.
using OnLayer =
    std::function<void(std::size_t number, std::size_t of, const oci::Descriptor& layer)>;

/// Makes an image with verified layers of an ordinary one, layer by layer, whiteouts in
/// overlayfs' form; configuration and annotations stay. The same image gives the same one, bit for
/// bit. It is another image: signatures of the old one don't count for it. Of an index, the image
/// for this host's platform is converted.
/// Errors: those of reading and storing, kContent for a layer that is no tar, differs from what the
/// configuration says, or can't be shown by overlayfs, kHost without squashfs-tools or
/// erofs-utils, and for erofs without root.
Result<oci::Descriptor> convert_image(oci::Repository& from,
                                      const ConvertRequest& request,
                                      oci::Repository& to,
                                      ProcessRunner& processes,
                                      const std::string& temp_dir,
                                      const OnLayer& on_layer);

}  // namespace mosb::agent
