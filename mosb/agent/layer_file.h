#pragma once

#include <string>

#include "mosb/agent/layer_format.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/repository.h"

namespace mosb::agent {

/// A layer on its way into an image.
struct LayerFile {
  oci::Descriptor descriptor;
  std::string path;
};

enum class WithHashTree { kYes, kNo };

/// Makes a layer of the image of a file system: puts the hash tree behind it, and the root hash
/// into both annotations that readers know. Errors: kResource.
Result<LayerFile> finish_layer(const std::string& image,
                               const LayerFormat& format,
                               WithHashTree tree);

/// Fetches a blob into a new file, checked. Errors: those of the repository, kResource.
Status fetch_to_file(oci::Repository& from, const oci::Descriptor& blob, const std::string& path);

}  // namespace mosb::agent
