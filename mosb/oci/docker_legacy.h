#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/digest.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/oci/docker_images.h"

/// Archives of a Docker before 1.10: a folder for each layer, named by an id that says nothing of
/// its content, with a layer.tar and a file `json` that names the layer below. Other tools put
/// these beside a manifest.json still. Spec: Docker image specification v1.
namespace mosb::oci {

/// What the archive's file `repositories` lists, by name and tag; `config` of an image is the file
/// `json` of its uppermost layer, and there are no layers yet. Errors: kContent.
Result<std::vector<DockerImage>> parse_docker_repositories(std::string_view bytes);

/// A file `json`.
struct LegacyDockerLayer {
  /// 64 hex digits; nullopt of the lowest one.
  std::optional<std::string> parent = std::nullopt;
  Json document;
};
/// Strict as to what is used of it. Errors: kContent, also if it is of another layer than `id`.
Result<LegacyDockerLayer> parse_legacy_layer(std::string_view bytes, std::string_view id);

/// The configuration that OCI has for the image with this uppermost layer: the same text each time.
/// `diff_ids`: bottom first. Errors: kContent without an architecture.
Result<std::string> legacy_image_config(const LegacyDockerLayer& top,
                                        const std::vector<Digest>& diff_ids);

/// The id of the layer whose file `json` has this path, and the path of its tar.
std::string legacy_layer_id(std::string_view json_path);
std::string legacy_json_path(std::string_view id);
std::string legacy_tar_path(std::string_view id);

}  // namespace mosb::oci
