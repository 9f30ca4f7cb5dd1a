#pragma once

#include <optional>

#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"

namespace mosb::agent {

/// What an image says of itself; nothing of it has been verified.
struct InspectedImage {
  /// For this host's platform; media type, digest and size.
  oci::Descriptor descriptor;
  oci::Manifest manifest;
  oci::ImageConfig config;
};

/// Errors: kNotFound, kNetwork, kContent for what is no image, kHost for another platform.
Result<InspectedImage> inspect_image(oci::Repository& from, const oci::Reference& ref);

struct ChosenImage {
  oci::Descriptor manifest;
  /// That it was chosen from.
  std::optional<oci::Descriptor> index;
};
/// The manifest that a reference names, for this host's platform if it names an index, or one in
/// it.
Result<ChosenImage> choose_image(oci::Repository& from, const oci::Reference& ref);

}  // namespace mosb::agent
