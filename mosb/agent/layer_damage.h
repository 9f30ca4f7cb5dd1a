#pragma once

#include <map>
#include <string>
#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/store.h"

namespace mosb::agent {

/// Those of an image's layers in the store whose blocks are not what its manifest says. Only those
/// are read that gave a bad block where they are mounted, or are marked (suspects.h). `layers` are
/// the manifest's. Changes nothing.
std::vector<oci::Descriptor> damaged_layers(const Paths& paths,
                                            const oci::Manifest& manifest,
                                            const std::vector<verity::LayerSource>& layers,
                                            const std::map<std::string, ServiceFacts>& facts,
                                            const oci::Store& store);

/// Why a layer can't be taken from the store as it lies there.
std::string layer_fault(const oci::Descriptor& layer, const oci::Store& store);

}  // namespace mosb::agent
