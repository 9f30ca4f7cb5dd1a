#include "mosb/oci/docker_legacy.h"

#include <algorithm>
#include <utility>

#include "mosb/base/hex.h"
#include "mosb/base/text.h"
#include "mosb/oci/document.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

constexpr std::string_view kJson = "/json";
constexpr char kLinux[] = "linux";

Result<std::string> layer_id(const Json& value) {
  if (value.is_string()) {
    const auto& id = value.get_ref<const std::string&>();
    const auto bytes = from_hex(id);
    if (bytes && bytes->size() == kSha256Size) {
      return id;
    }
  }
  return Error(Errc::kContent, "it has an id that is not 64 lower-case hex digits");
}

/// Two names of one image are one image.
void add_name(std::vector<DockerImage>& images, const std::string& config, std::string name) {
  const auto known = std::ranges::find(images, config, &DockerImage::config);
  if (known == images.end()) {
    images.push_back({.config = config, .names = {std::move(name)}});
  } else {
    known->names.push_back(std::move(name));
  }
}

}  // namespace

Result<std::vector<DockerImage>> parse_docker_repositories(std::string_view bytes) {
  const Json document = MOSB_TRY(json::parse(bytes, kMaxDockerManifestSize));
  if (!document.is_object()) {
    return Error(Errc::kContent, "it is no object");
  }
  std::vector<DockerImage> images;
  std::size_t names = 0;
  for (const auto& [name, tags] : document.items()) {
    if (!tags.is_object()) {
      return Error(Errc::kContent, quote(name) + " has no object of tags");
    }
    for (const auto& [tag, id] : tags.items()) {
      if (++names > kMaxDockerImages) {
        return Error(Errc::kContent,
                     "it lists more than " + std::to_string(kMaxDockerImages) + " names");
      }
      const std::string full = name + ":" + tag;
      const std::string top = MOSB_TRY(layer_id(id).context(quote(full)));
      add_name(images, legacy_json_path(top), full);
    }
  }
  if (images.empty()) {
    return Error(Errc::kContent, "it lists no images");
  }
  return images;
}

Result<LegacyDockerLayer> parse_legacy_layer(std::string_view bytes, std::string_view id) {
  const Json document = MOSB_TRY(json::parse(bytes, kMaxConfigSize));
  if (!document.is_object()) {
    return Error(Errc::kContent, "it is no object");
  }
  LegacyDockerLayer layer{.document = without_nulls(document)};
  if (MOSB_TRY(json::require_string(layer.document, "id")) != id) {
    return Error(Errc::kContent, "it has the id of another layer");
  }
  const auto parent = layer.document.find("parent");
  // Docker wrote "" as well for a layer without one.
  if (parent != layer.document.end() && *parent != "") {
    layer.parent = MOSB_TRY(layer_id(*parent).context("parent"));
  }
  return layer;
}

Result<std::string> legacy_image_config(const LegacyDockerLayer& top,
                                        const std::vector<Digest>& diff_ids) {
  const Json& from = top.document;
  const std::string architecture = MOSB_TRY(json::require_string(from, "architecture"));
  const std::string os = MOSB_TRY(json::optional_string(from, "os")).value_or(kLinux);
  Json config{{"architecture", architecture},
              {"os", os},
              {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array()}}}};
  for (const char* name : {"author", "created", "variant", "config"}) {
    if (const auto member = from.find(name); member != from.end()) {
      config[name] = *member;
    }
  }
  for (const Digest& diff_id : diff_ids) {
    config["rootfs"]["diff_ids"].push_back(diff_id.str());
  }
  return print_json(config);
}

std::string legacy_layer_id(std::string_view json_path) {
  return std::string(json_path.substr(0, json_path.size() - kJson.size()));
}

std::string legacy_json_path(std::string_view id) {
  return std::string(id).append(kJson);
}

std::string legacy_tar_path(std::string_view id) {
  return std::string(id) + "/layer.tar";
}

}  // namespace mosb::oci
