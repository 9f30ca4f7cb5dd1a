#pragma once

#include <string>

#include "mosb/base/result.h"
#include "verity/image_record.h"
#include "verity/layer_facts.h"

namespace mosb::verity {

/// Why the layer's mount cannot be used; "" if it can.
std::string complaint_of(const LayerFacts& facts,
                         const LayerSource& layer,
                         const LayerDisplay& display,
                         const MountEnvironment& environment);

/// Of a layer where the image has it mounted.
Result<LayerFacts> read_recorded_facts(const ImageRecord& record,
                                       const RecordedLayer& recorded,
                                       const MountEnvironment& environment,
                                       const MountTable& table);
/// Why a mounted image can no longer rely on one of its layers; "" if it can. Pure.
std::string recorded_complaint(const LayerFacts& facts,
                               const ImageRecord& record,
                               const RecordedLayer& recorded,
                               const MountEnvironment& environment);
/// Whether no layer has a complaint, nor lacks a signature that is required, and the mount points
/// are there.
Result<bool> has_healthy_layers(const ImageRecord& record,
                                const MountEnvironment& environment,
                                const MountTable& table);

}  // namespace mosb::verity
