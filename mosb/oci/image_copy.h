#pragma once

#include <cstddef>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/pull.h"
#include "mosb/oci/repository.h"

namespace mosb::oci {

struct CopyRequest {
  Reference from;
  /// With a tag, or with neither tag nor digest: then the manifest is found by its digest only.
  Reference to;
  /// Notary signatures; other referrers are always copied.
  bool with_signatures = true;
};

struct CopiedImage {
  /// Of the manifest or index that the reference named.
  Descriptor manifest;
  std::size_t manifests = 0;
  std::size_t signatures = 0;
  /// Other than signatures.
  std::size_t referrers = 0;
  /// All that belongs to it, each once, whether it was there already or not.
  std::size_t blobs = 0;
  ByteCount bytes = {};
};

/// Copies what a reference names, byte for byte: a manifest, or an index with everything that it
/// lists, and the referrers of each, with their own. The tag is set last: whoever finds it, finds
/// everything else. Every digest is checked, no signature: that is the reader's business. Blobs go
/// to a layout as with pull_layers(). Errors: kNotFound, kContent, kNetwork, kResource.
Result<CopiedImage> copy_image(Repository& from,
                               const CopyRequest& request,
                               Layout& to,
                               const Progress& progress = {});
/// The same to a registry, from a layout, where the blobs can be read again if need be.
Result<CopiedImage> push_image(Layout& from, const CopyRequest& request, Repository& to);

}  // namespace mosb::oci
