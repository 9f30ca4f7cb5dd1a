#include "verity/image_facts.h"

#include "mosb/base/file.h"
#include "verity/mount_points.h"

namespace mosb::verity {

std::string complaint_of(const LayerFacts& facts,
                         const LayerSource& layer,
                         const LayerDisplay& display,
                         const MountEnvironment& environment) {
  const bool over_verity = display.verifier == Verifier::kDm;
  if (display.is_served(layer.filesystem)) {
    const std::string source = layer_source_name(environment, layer.root_hash, layer.size);
    return over_verity ? verity_view_complaint(facts, layer, source)
                       : view_complaint(facts, source);
  }
  return over_verity ? verity_complaint(facts, layer) : kernel_complaint(facts, layer);
}

Result<LayerFacts> read_recorded_facts(const ImageRecord& record,
                                       const RecordedLayer& recorded,
                                       const MountEnvironment& environment,
                                       const MountTable& table) {
  return read_layer_facts(place_of(environment, record.display, recorded.layer), table);
}

std::string recorded_complaint(const LayerFacts& facts,
                               const ImageRecord& record,
                               const RecordedLayer& recorded,
                               const MountEnvironment& environment) {
  std::string complaint = complaint_of(facts, recorded.layer, record.display, environment);
  if (complaint.empty() && facts.mount->device != recorded.device) {
    complaint = "the image was made from an earlier mount of it";
  }
  return complaint;
}

Result<bool> has_healthy_layers(const ImageRecord& record,
                                const MountEnvironment& environment,
                                const MountTable& table) {
  const bool signatures_required = environment.signatures == RootHashSignatures::kRequired;
  for (const RecordedLayer& recorded : record.layers) {
    const LayerFacts facts = MOSB_TRY(read_recorded_facts(record, recorded, environment, table));
    if (!recorded_complaint(facts, record, recorded, environment).empty() ||
        (signatures_required && !has_checked_signature(facts))) {
      return false;
    }
  }
  // The overlay shows nothing of a directory that was removed below it.
  return record.mount_points.empty() ||
         path_exists(mount_points_dir(environment, {record.mount_points, record.display.idmap}));
}

}  // namespace mosb::verity
