#include "mosb/oci/docker_legacy.h"

#include "fuzz.h"
#include "mosb/oci/image_config.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (const auto images = oci::parse_docker_repositories(text)) {
    for (const oci::DockerImage& image : *images) {
      const std::string id = oci::legacy_layer_id(image.config);
      fuzz::require(id.size() == 64 && oci::legacy_json_path(id) == image.config);
      fuzz::require(!image.names.empty());
    }
  }
  const std::string id(64, 'a');
  const auto layer = oci::parse_legacy_layer(text, id);
  if (layer) {
    fuzz::require(!layer->parent || layer->parent->size() == 64);
    const auto config = oci::legacy_image_config(*layer, {Digest::of("x")});
    if (config) {
      const auto parsed = oci::ImageConfig::parse(*config);
      fuzz::require(!parsed || parsed->diff_ids.size() == 1);
    }
  }
  return 0;
}
