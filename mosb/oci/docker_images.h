#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::oci {

inline constexpr ByteCount kMaxDockerManifestSize{4 * kMiB};
inline constexpr std::size_t kMaxDockerImages = 1000;

/// One image of a docker archive, by the paths of its parts in the archive, which nobody has
/// checked.
struct DockerImage {
  std::string config;
  /// Bottom first.
  std::vector<std::string> layers = {};
  /// "web:1.4", "docker.io/library/web:1.4"; none of an image that was saved by its id.
  std::vector<std::string> names = {};

  bool operator==(const DockerImage&) const = default;
};

/// What a docker archive's manifest.json lists, in its order. Strict, but members that mosb does
/// not know are passed over. Errors: kContent. Spec: Docker image specification v1.2 §Combined
/// Image JSON + Filesystem Changeset Format.
Result<std::vector<DockerImage>> parse_docker_images(std::string_view bytes);

/// Whether both mean the same: without a host Docker's own registry is meant, without a tag
/// "latest".
bool is_same_docker_name(std::string_view one, std::string_view other);

/// The place in the list of the image of that name, or of the only image if none is asked for.
/// Errors: kNotFound, kUsage if there are several, kContent if two have the name.
Result<std::size_t> choose_docker_image(const std::vector<DockerImage>& images,
                                        const std::optional<std::string>& name);

}  // namespace mosb::oci
