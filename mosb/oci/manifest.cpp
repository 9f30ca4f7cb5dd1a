#include "mosb/oci/manifest.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/oci/document.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

struct LayerType {
  Filesystem filesystem;
  std::string_view base;
  /// Of the data inside; what is unused is "", which a bare base is as well.
  std::array<std::string_view, 5> compressions;
};
constexpr std::array<LayerType, 2> kLayerTypes{
    {{Filesystem::kSquashfs, kSquashfsLayer, {"+gzip", "+zstd", "+xz", "+lz4", ""}},
     {Filesystem::kErofs, kErofsLayer, {"+lz4", "+lz4hc", "+lzma", "+deflate", "+zstd"}}}};

}  // namespace

bool is_manifest_type(std::string_view media_type) {
  return media_type == kImageManifest || media_type == kDockerManifest;
}

Result<Manifest> Manifest::parse(std::string_view bytes, const std::string& media_type) {
  if (!is_manifest_type(media_type)) {
    return Error(Errc::kContent, quote(media_type) + " is not the media type of an image manifest");
  }
  const Json document =
      MOSB_TRY(parse_document(bytes,
                              kMaxManifestSize,
                              {.media_type = media_type,
                               .media_type_optional = media_type == kImageManifest,
                               .foreign_members = {"manifests", "fsLayers"}}));
  const Json& config_member = *MOSB_TRY(json::require_object(document, "config"));
  Descriptor config = MOSB_TRY(parse_descriptor(config_member).context("config"));
  Manifest manifest{.media_type = media_type, .config = std::move(config)};
  manifest.layers = MOSB_TRY(parse_descriptors(document, "layers", kMaxLayers));
  manifest.artifact_type = MOSB_TRY(json::optional_string(document, "artifactType"));
  manifest.annotations = MOSB_TRY(json::optional_string_map(document, "annotations"));
  if (manifest.artifact_type) {
    MOSB_CHECK(check_media_type(*manifest.artifact_type).context("artifactType"));
  }
  if (const Json* const subject = MOSB_TRY(json::optional_object(document, "subject"))) {
    manifest.subject = MOSB_TRY(parse_descriptor(*subject).context("subject"));
  }
  return manifest;
}

std::string Manifest::print() const {
  Json document = {{"schemaVersion", 2},
                   {"mediaType", media_type},
                   {"config", to_json(config)},
                   {"layers", Json::array()}};
  for (const Descriptor& layer : layers) {
    document["layers"].push_back(to_json(layer));
  }
  if (subject) {
    document["subject"] = to_json(*subject);
  }
  if (artifact_type) {
    document["artifactType"] = *artifact_type;
  }
  if (!annotations.empty()) {
    document["annotations"] = annotations;
  }
  return print_json(document);
}

const std::string& Manifest::effective_artifact_type() const {
  return artifact_type && !artifact_type->empty() ? *artifact_type : config.media_type;
}

Status require_image(const Manifest& manifest) {
  const std::string& type = manifest.config.media_type;
  if (type != kImageConfig && type != kDockerConfig) {
    return Error(Errc::kContent, "not an image: its config is of type " + quote(type));
  }
  if (manifest.layers.empty()) {
    return Error(Errc::kContent, "the image has no layers");
  }
  std::set<Digest> seen = {manifest.config.digest};
  for (const Descriptor& layer : manifest.layers) {
    if (layer.digest == manifest.config.digest) {
      return Error(Errc::kContent,
                   "layer " + layer.digest.str() + " is the image's config as well");
    }
    // Each is mounted at a place of its own; ordinary images have empty ones twice.
    if (!seen.insert(layer.digest).second && layer_filesystem(layer.media_type)) {
      return Error(Errc::kContent, "layer " + layer.digest.str() + " is listed twice");
    }
  }
  return ok();
}

Status require_mountable_image(const Manifest& manifest) {
  MOSB_CHECK(require_image(manifest));
  for (const Descriptor& layer : manifest.layers) {
    if (!layer_filesystem(layer.media_type)) {
      return Error(Errc::kContent,
                   "layer " + layer.digest.str() + " is of type " + quote(layer.media_type) +
                       ", which can't be mounted verified")
          .with_hint(
              "convert it with 'mosb image convert', or build it with 'mosb image build', or with "
              "stacker and '--layer-type squashfs' or '--layer-type erofs'");
    }
  }
  return ok();
}

ByteCount image_size(const Descriptor& descriptor, const Manifest& manifest) {
  // Sizes are what a stranger wrote: the sum must not wrap around to a small one.
  std::uint64_t sum = descriptor.size;
  const auto add = [&sum](std::uint64_t size) {
    sum += std::min(size, std::numeric_limits<std::uint64_t>::max() - sum);
  };
  add(manifest.config.size);
  for (const Descriptor& layer : manifest.layers) {
    add(layer.size);
  }
  return ByteCount{sum};
}

std::optional<Filesystem> layer_filesystem(std::string_view media_type) {
  constexpr std::string_view kVerity = "+verity";
  for (const auto& [filesystem, base, compressions] : kLayerTypes) {
    if (!media_type.starts_with(base)) {
      continue;
    }
    std::string_view suffix = media_type.substr(base.size());
    if (suffix.ends_with(kVerity)) {
      suffix.remove_suffix(kVerity.size());
    }
    const bool known =
        suffix.empty() || std::ranges::find(compressions, suffix) != compressions.end();
    return known ? std::optional(filesystem) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace mosb::oci
