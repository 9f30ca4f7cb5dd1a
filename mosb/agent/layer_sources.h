#pragma once

#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/store.h"
#include "mosb/trust/verified.h"
#include "verity/layer.h"

namespace mosb::agent {

/// The layers of an admitted image as they lie in the store: the only way from a manifest to
/// something that can be mounted. Errors: kVerity for a layer without exactly one root hash,
/// kContent for an image that does not consist of layers that can be mounted.
Result<std::vector<verity::LayerSource>> layer_sources(
    const trust::Verified<oci::Manifest>& manifest, const oci::Store& store);

}  // namespace mosb::agent
