#pragma once

#include <optional>
#include <string>
#include <utility>

#include "mosb/agent/layer_format.h"
#include "mosb/agent/root_hash_signer.h"
#include "mosb/base/result.h"
#include "mosb/base/text.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/repository.h"

namespace mosb::agent {

/// A layer on its way into an image.
struct LayerFile {
  oci::Descriptor descriptor;
  std::string path;
};

/// Makes a layer of the image of a file system as it is, without a hash tree. Errors: kResource.
Result<LayerFile> finish_plain_layer(const std::string& image, const LayerFormat& format);
/// Makes a layer of the image of a file system: puts the hash tree behind it, the root hash into
/// both annotations that readers know, and into a third one its signature, if there is a signer.
/// Errors: kResource, kContent.
Result<LayerFile> finish_layer(const std::string& image,
                               const LayerFormat& format,
                               const std::optional<RootHashSigner>& signer);

/// Fetches a blob into a new file, checked. Errors: those of the repository, kResource.
Status fetch_to_file(oci::Repository& from, const oci::Descriptor& blob, const std::string& path);

}  // namespace mosb::agent
