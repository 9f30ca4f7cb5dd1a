#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/json.h"
#include "mosb/base/result.h"

namespace mosb::oci {

/// Spec: OCI image 1.1 §Image Index Property Descriptions (platform); names as Go's GOOS, GOARCH.
struct Platform {
  std::string os;
  std::string architecture;
  /// "" if none.
  std::string variant;
  /// What Windows images, and Docker's own manifest lists, say besides: kept, and of no meaning
  /// here.
  std::string os_version = {};
  std::vector<std::string> os_features = {};
  std::vector<std::string> features = {};

  /// What this program was built for, e.g. linux/amd64.
  static Platform host();
  /// "linux/arm/v7". Errors: kUsage.
  static Result<Platform> parse(std::string_view text);
  /// "linux/arm/v7".
  std::string str() const;
  bool operator==(const Platform&) const = default;
};

/// Same os and architecture, and the same variant where both name one ("v8" of arm64 is the same
/// as none).
bool matches(const Platform& offered, const Platform& wanted);

/// A `platform` member. Errors: kContent.
Result<Platform> parse_platform(const Json& object);
Json to_json(const Platform& platform);

}  // namespace mosb::oci
