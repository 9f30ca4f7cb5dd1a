#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/image_config.h"
#include "mosb/oci/index.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/platform.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"
#include "mosb/oci/unpacked_file.h"

namespace mosb::agent {

/// The most images that are taken of one index.
inline constexpr std::size_t kMaxOrdinaryImages = 100;

/// An image whose layers are tar files; one of them may be there twice.
struct OrdinaryImage {
  /// As its index lists it, with platform and annotations, if it is of one.
  oci::Descriptor descriptor;
  oci::Manifest manifest;
  oci::ImageConfig config;
};

/// What a reference names.
struct OrdinaryImages {
  /// With the entries of indexes that it lists in their places; nullopt if it is one image, or one
  /// was asked for.
  std::optional<oci::Index> index = std::nullopt;
  /// In the index's order.
  std::vector<OrdinaryImage> images = {};
  /// Of buildkit, about the images as they are; they are left out of `images`.
  std::vector<Digest> attestations = {};
};

/// How a layer is compressed. Errors: kContent for one that is no tar.
/// Spec: OCI image 1.1 §Layer Media Types; Docker image manifest v2, schema 2.
Result<oci::FileCompression> tar_compression(const oci::Descriptor& layer);

/// Reads manifests and configurations, no layer. With `platforms` those images of an index only;
/// with one of them, that image alone. Errors: those of the repository, kHost for a platform that
/// is not there, kUsage for one that several images are for, kContent for what is no ordinary
/// image.
Result<OrdinaryImages> find_ordinary_images(oci::Repository& from,
                                            const oci::Reference& ref,
                                            const std::vector<oci::Platform>& platforms);

}  // namespace mosb::agent
