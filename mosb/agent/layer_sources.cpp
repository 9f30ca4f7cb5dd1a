#include "mosb/agent/layer_sources.h"

#include <utility>

#include "mosb/oci/media_types.h"
#include "mosb/oci/root_hash.h"

namespace mosb::agent {

Result<std::optional<verity::RootHashSignature>> root_hash_signature(const oci::Descriptor& layer) {
  const auto text = layer.annotations.find(oci::kRootHashSignature);
  if (text == layer.annotations.end()) {
    return std::optional<verity::RootHashSignature>();
  }
  return std::optional(MOSB_TRY(
      verity::RootHashSignature::parse(text->second).context("layer " + layer.digest.str())));
}

Result<std::vector<verity::LayerSource>> layer_sources(
    const trust::Verified<oci::Manifest>& manifest, const oci::Store& store) {
  MOSB_CHECK(oci::require_mountable_image(*manifest));
  std::vector<verity::LayerSource> layers;
  for (const oci::Descriptor& layer : manifest->layers) {
    const std::string hash = MOSB_TRY(oci::root_hash_annotation(layer));
    const verity::RootHash root_hash = MOSB_TRY(verity::RootHash::parse(hash));
    auto signature = MOSB_TRY(root_hash_signature(layer));
    layers.push_back({store.blob_path(layer.digest),
                      ByteCount{layer.size},
                      root_hash,
                      layer.digest,
                      *oci::layer_filesystem(layer.media_type),
                      std::move(signature)});
  }
  return layers;
}

}  // namespace mosb::agent
