#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/media_types.h"

namespace mosb::oci {

/// Spec: OCI image 1.1 §Image Index; Docker manifest list.
struct Index {
  std::string media_type = kImageIndex;
  std::vector<Descriptor> manifests = {};
  std::optional<Descriptor> subject = std::nullopt;
  std::optional<std::string> artifact_type = std::nullopt;
  Annotations annotations = {};

  /// Strict, with Manifest::parse()'s rules for the media type. Errors: kContent.
  static Result<Index> parse(std::string_view bytes, const std::string& media_type);
  /// Compact JSON; the same value gives the same bytes.
  std::string print() const;

  bool operator==(const Index&) const = default;
};

bool is_index_type(std::string_view media_type);

/// The one manifest for the platform, of those that the index lists itself. Errors: kHost if there
/// is none (naming those that there are), kContent if there are two.
Result<Descriptor> choose_platform(const Index& index, const Platform& platform);

}  // namespace mosb::oci
