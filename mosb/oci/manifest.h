#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/filesystem.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/media_types.h"

namespace mosb::oci {

/// Spec: OCI image 1.1 §Image Manifest; Docker image manifest v2, schema 2.
struct Manifest {
  std::string media_type = kImageManifest;
  Descriptor config;
  /// Bottom first.
  std::vector<Descriptor> layers = {};
  std::optional<Descriptor> subject = std::nullopt;
  std::optional<std::string> artifact_type = std::nullopt;
  Annotations annotations = {};

  /// Strict. `media_type` is what the descriptor, or the registry's Content-Type, named; the
  /// document's own must be the same. An OCI document without one is taken (image specification
  /// 1.0; umoci and skopeo write it) because a document that could be read as an index too is
  /// refused in any case. Errors: kContent.
  static Result<Manifest> parse(std::string_view bytes, const std::string& media_type);
  /// Compact JSON; the same value gives the same bytes.
  std::string print() const;

  /// `artifactType`, or the config's media type if there is none, as the referrers API has it.
  const std::string& effective_artifact_type() const;

  bool operator==(const Manifest&) const = default;
};

bool is_manifest_type(std::string_view media_type);

/// The manifest is of an image: an image config and at least one layer, no layer twice, none that
/// is the config as well. Errors: kContent.
Status require_image(const Manifest& manifest);
/// require_image(), and every layer is the image of a file system. Errors: kContent, with a hint.
Status require_mountable_image(const Manifest& manifest);
/// Of manifest, config and layers together, as the descriptors say; at most what 64 bits hold.
ByteCount image_size(const Descriptor& descriptor, const Manifest& manifest);
/// What a layer of this media type is: kSquashfsLayer, alone or with "+gzip", "+zstd", "+xz" or
/// "+lz4", kErofsLayer, alone or with "+lz4", "+lz4hc", "+lzma", "+deflate" or "+zstd", and then
/// maybe "+verity". nullopt for any other.
std::optional<Filesystem> layer_filesystem(std::string_view media_type);

}  // namespace mosb::oci
