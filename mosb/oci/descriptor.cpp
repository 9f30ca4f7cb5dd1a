#include "mosb/oci/descriptor.h"

#include <limits>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/oci/document.h"

namespace mosb::oci {

namespace {

/// OCI's sizes are int64.
constexpr std::uint64_t kMaxSize = std::numeric_limits<std::int64_t>::max();

Status check_no_urls(const Json& object, const Digest& digest) {
  if (object.contains("urls")) {
    return Error(Errc::kContent, "it has 'urls': mosb fetches from nowhere but the repository")
        .context("descriptor of " + digest.str());
  }
  return ok();
}

}  // namespace

bool same_content(const Descriptor& a, const Descriptor& b) {
  return a.digest == b.digest && a.size == b.size && a.media_type == b.media_type;
}

Descriptor bare(const Descriptor& descriptor) {
  return {
      .media_type = descriptor.media_type, .digest = descriptor.digest, .size = descriptor.size};
}

Descriptor describe(const std::string& media_type, std::string_view bytes) {
  return {.media_type = media_type, .digest = Digest::of(bytes), .size = bytes.size()};
}

Result<Descriptor> parse_descriptor(const Json& object) {
  if (!object.is_object()) {
    return Error(Errc::kContent, "a descriptor is not an object");
  }
  const std::string digest = MOSB_TRY(json::require_string(object, "digest"));
  std::string media_type = MOSB_TRY(json::require_string(object, "mediaType"));
  const Digest parsed = MOSB_TRY(Digest::parse(digest));
  Descriptor descriptor{.media_type = std::move(media_type), .digest = parsed};
  descriptor.size = MOSB_TRY(json::require_uint(object, "size"));
  descriptor.annotations = MOSB_TRY(json::optional_string_map(object, "annotations"));
  descriptor.artifact_type = MOSB_TRY(json::optional_string(object, "artifactType"));
  MOSB_CHECK(check_media_type(descriptor.media_type));
  if (descriptor.artifact_type) {
    MOSB_CHECK(check_media_type(*descriptor.artifact_type));
  }
  if (descriptor.size > kMaxSize) {
    return Error(Errc::kContent, "size " + std::to_string(descriptor.size) + " is out of range");
  }
  if (const Json* const platform = MOSB_TRY(json::optional_object(object, "platform"))) {
    descriptor.platform = MOSB_TRY(parse_platform(*platform).context("platform"));
  }
  MOSB_CHECK(check_no_urls(object, descriptor.digest));
  return descriptor;
}

Result<std::vector<Descriptor>> parse_descriptors(const Json& object,
                                                  const std::string& name,
                                                  std::size_t most) {
  const Json& list = *MOSB_TRY(json::require_array(object, name));
  if (list.size() > most) {
    return Error(Errc::kContent,
                 quote(name) + " has " + std::to_string(list.size()) + " entries, more than " +
                     std::to_string(most));
  }
  std::vector<Descriptor> descriptors;
  descriptors.reserve(list.size());
  for (const Json& entry : list) {
    auto descriptor = parse_descriptor(entry);
    if (!descriptor) {
      return std::move(descriptor)
          .error()
          .context(name + "[" + std::to_string(descriptors.size()) + "]");
    }
    descriptors.push_back(*std::move(descriptor));
  }
  return descriptors;
}

Json to_json(const Descriptor& descriptor) {
  Json object = {{"mediaType", descriptor.media_type},
                 {"digest", descriptor.digest.str()},
                 {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) {
    object["annotations"] = descriptor.annotations;
  }
  if (descriptor.artifact_type) {
    object["artifactType"] = *descriptor.artifact_type;
  }
  if (descriptor.platform) {
    object["platform"] = to_json(*descriptor.platform);
  }
  return object;
}

}  // namespace mosb::oci
