#include "mosb/oci/docker_images.h"

#include <algorithm>
#include <utility>

#include "mosb/base/json.h"
#include "mosb/base/text.h"
#include "mosb/oci/document.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxNames = 1000;
/// Of those that an error shows.
constexpr std::size_t kMaxShown = 10;

Result<DockerImage> parse_image(const Json& element) {
  if (!element.is_object()) {
    return Error(Errc::kContent, "it is not an object");
  }
  const Json object = without_nulls(element);
  DockerImage image{.config = MOSB_TRY(json::require_string(object, "Config"))};
  MOSB_TRY(json::require_array(object, "Layers"));
  image.layers = MOSB_TRY(json::optional_string_list(object, "Layers"));
  image.names = MOSB_TRY(json::optional_string_list(object, "RepoTags"));
  if (image.layers.empty() || image.layers.size() > kMaxLayers) {
    return Error(Errc::kContent,
                 "it has " + std::to_string(image.layers.size()) + " layers, not 1 to " +
                     std::to_string(kMaxLayers));
  }
  if (image.names.size() > kMaxNames) {
    return Error(Errc::kContent, "it has more than " + std::to_string(kMaxNames) + " names");
  }
  return image;
}

std::string full_name(std::string_view name) {
  std::string full(name);
  const std::size_t slash = full.find('/');
  const std::string first = full.substr(0, slash == std::string::npos ? 0 : slash);
  const bool has_host = first == "localhost" || first.find_first_of(".:") != std::string::npos;
  if (!has_host) {
    full.insert(0, slash == std::string::npos ? "docker.io/library/" : "docker.io/");
  }
  return full.find(':', full.rfind('/')) == std::string::npos ? full + ":latest" : full;
}

bool has_name(const DockerImage& image, std::string_view name) {
  return std::any_of(image.names.begin(), image.names.end(), [&](const std::string& other) {
    return is_same_docker_name(other, name);
  });
}

std::string some_names(const std::vector<DockerImage>& images) {
  std::vector<std::string> shown;
  for (const DockerImage& image : images) {
    for (const std::string& name : image.names) {
      if (shown.size() == kMaxShown) {
        shown.emplace_back("…");
        return join(shown, ", ");
      }
      shown.push_back(escape(name));
    }
  }
  return join(shown, ", ");
}

}  // namespace

Result<std::vector<DockerImage>> parse_docker_images(std::string_view bytes) {
  const Json document = MOSB_TRY(json::parse(bytes, kMaxDockerManifestSize));
  if (!document.is_array()) {
    return Error(Errc::kContent, "it is not a list of images");
  }
  if (document.empty() || document.size() > kMaxDockerImages) {
    return Error(Errc::kContent,
                 "it lists " + std::to_string(document.size()) + " images, not 1 to " +
                     std::to_string(kMaxDockerImages));
  }
  std::vector<DockerImage> images;
  for (const Json& element : document) {
    auto image = parse_image(element);
    if (!image) {
      return image.error().context("image " + std::to_string(images.size() + 1));
    }
    images.push_back(*std::move(image));
  }
  return images;
}

bool is_same_docker_name(std::string_view one, std::string_view other) {
  return full_name(one) == full_name(other);
}

Result<std::size_t> choose_docker_image(const std::vector<DockerImage>& images,
                                        const std::optional<std::string>& name) {
  const std::string names = some_names(images);
  if (!name) {
    if (images.size() == 1) {
      return std::size_t{0};
    }
    Error several(Errc::kUsage, "it has " + std::to_string(images.size()) + " images");
    return names.empty() ? several : std::move(several).with_hint("name one of them: " + names);
  }
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!has_name(images[i], *name)) {
      continue;
    }
    if (chosen) {
      return Error(Errc::kContent, "two of its images are named " + quote(*name));
    }
    chosen = i;
  }
  if (!chosen) {
    Error none(Errc::kNotFound, "it has no image " + quote(*name));
    return names.empty() ? none : std::move(none).with_hint("there is " + names);
  }
  return *chosen;
}

}  // namespace mosb::oci
