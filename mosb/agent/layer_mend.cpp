#include "mosb/agent/layer_mend.h"

#include <algorithm>
#include <string>

#include "mosb/agent/suspects.h"
#include "mosb/base/log.h"
#include "verity/layer_mend.h"

namespace mosb::agent {

namespace {

bool mend(oci::Repository& from,
          const oci::Descriptor& layer,
          const std::vector<verity::LayerSource>& layers) {
  const auto source =
      std::find_if(layers.begin(), layers.end(), [&](const verity::LayerSource& candidate) {
        return candidate.digest == layer.digest;
      });
  if (source == layers.end()) {
    return false;
  }
  const auto mended = verity::mend_layer_file(source->blob_path,
                                              source->size,
                                              source->root_hash,
                                              [&](std::uint64_t offset, std::span<std::byte> out) {
                                                return from.read_part(layer, offset, out);
                                              });
  const std::string noun = "layer " + layer.digest.str();
  if (!mended) {
    log::debug(noun + " is fetched as a whole: " + mended.error().message());
    return false;
  }
  log::warn(noun + " was damaged in the store: " + std::to_string(mended->blocks) +
            " blocks were put right, " + std::to_string(mended->fetched.value) +
            " bytes were fetched for it");
  return true;
}

}  // namespace

Result<std::vector<oci::Descriptor>> mend_layers(const Paths& paths,
                                                 oci::Repository& from,
                                                 const std::vector<oci::Descriptor>& damaged,
                                                 const std::vector<verity::LayerSource>& layers) {
  std::vector<oci::Descriptor> left;
  for (const oci::Descriptor& layer : damaged) {
    if (mend(from, layer, layers)) {
      MOSB_CHECK(clear_suspect(paths, layer.digest));
    } else {
      left.push_back(layer);
    }
  }
  return left;
}

}  // namespace mosb::agent
