#include "mosb/agent/layer_sources.h"

#include "mosb/oci/root_hash.h"

namespace mosb::agent {

Result<std::vector<verity::LayerSource>> layer_sources(
    const trust::Verified<oci::Manifest>& manifest, const oci::Store& store) {
  MOSB_CHECK(oci::require_mountable_image(*manifest));
  std::vector<verity::LayerSource> layers;
  for (const oci::Descriptor& layer : manifest->layers) {
    layers.push_back({store.blob_path(layer.digest),
                      ByteCount{layer.size},
                      MOSB_TRY(verity::RootHash::parse(MOSB_TRY(oci::root_hash_annotation(layer)))),
                      layer.digest,
                      *oci::layer_filesystem(layer.media_type)});
  }
  return layers;
}

}  // namespace mosb::agent
