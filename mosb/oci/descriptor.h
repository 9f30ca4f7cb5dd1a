#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/digest.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/oci/platform.h"

namespace mosb::oci {

using Annotations = std::map<std::string, std::string>;

/// What a blob or manifest is and how its bytes are recognised.
/// Spec: OCI image 1.1 §Content Descriptors.
struct Descriptor {
  std::string media_type;
  Digest digest;
  /// In bytes.
  std::uint64_t size = 0;
  Annotations annotations = {};
  std::optional<std::string> artifact_type = std::nullopt;
  std::optional<Platform> platform = std::nullopt;

  bool operator==(const Descriptor&) const = default;
};

/// Media type, digest and size are the same; annotations and the like may differ.
bool same_content(const Descriptor& a, const Descriptor& b);
/// Only media type, digest and size: what a signature or a `subject` names.
Descriptor bare(const Descriptor& descriptor);
/// The descriptor of these bytes.
Descriptor describe(const std::string& media_type, std::string_view bytes);

/// Strict: media type, digest and size must be there and well formed. `urls` is refused (mosb
/// fetches from where it was told to and nowhere else), `data` is ignored. Errors: kContent.
Result<Descriptor> parse_descriptor(const Json& object);
/// The list under `name`; absent is an error. At most `most` entries.
Result<std::vector<Descriptor>> parse_descriptors(const Json& object,
                                                  const std::string& name,
                                                  std::size_t most);
Json to_json(const Descriptor& descriptor);

}  // namespace mosb::oci
