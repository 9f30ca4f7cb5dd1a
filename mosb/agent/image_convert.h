#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/layer_format.h"
#include "mosb/agent/root_hash_signer.h"
#include "mosb/base/digest.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/platform.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"

namespace mosb::agent {

/// What `mosb image convert` is asked for.
struct ConvertRequest {
  /// An ordinary image: layers are tar files, plain or compressed by gzip or zstd. Or an index of
  /// such images.
  oci::Reference from;
  /// Where the new one goes; no digest, which is not known before.
  oci::Reference to;
  /// Of an index, these only; all if there is none.
  std::vector<oci::Platform> platforms = {};
  LayerFormat format = {};
  std::optional<RootHashSigner> signer = std::nullopt;
  /// Of every file, in seconds of the epoch.
  std::uint32_t timestamp = 0;
};

/// A layer that is converted next.
struct LayerAhead {
  /// Of its image, if there may be several.
  std::optional<oci::Platform> platform;
  /// From 1, and how many the image has.
  std::size_t number;
  std::size_t of;
  const oci::Descriptor& layer;
};
using OnLayer = std::function<void(const LayerAhead& layer)>;

struct ConvertedImage {
  /// Of the image or the index.
  oci::Descriptor descriptor;
  /// Of the index's images, in its order; empty for an image that is in none.
  std::vector<oci::Platform> platforms = {};
  /// Manifests of buildkit about the images as they were.
  std::vector<Digest> left_out = {};
};

/// Makes an image with verified layers of an ordinary one, layer by layer, whiteouts in
/// overlayfs' form; configuration and annotations stay. The same image gives the same one, bit for
/// bit. It is another image: signatures of the old one don't count for it. An index becomes an
/// index of the same platforms in the same order; the tag names it when all of them are there. Of
/// an index, one platform alone gives that image. Errors: those of reading and storing, kContent
/// for a layer that is no tar, differs from what the configuration says, or can't be shown by
/// overlayfs, kHost without squashfs-tools or erofs-utils, for erofs without root, and for a
/// platform that is not there.
Result<ConvertedImage> convert_image(oci::Repository& from,
                                     const ConvertRequest& request,
                                     oci::Repository& to,
                                     ProcessRunner& processes,
                                     const std::string& temp_dir,
                                     const OnLayer& on_layer);

}  // namespace mosb::agent
