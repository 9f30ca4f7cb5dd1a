#pragma once

#include <optional>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/manifest.h"
#include "mosb/oci/store.h"
#include "mosb/trust/verified.h"
#include "verity/layer.h"

namespace mosb::agent {

/// What a layer's descriptor has for the kernel's keyrings; nullopt if nothing. Errors: kVerity for
/// what is no such signature.
Result<std::optional<verity::RootHashSignature>> root_hash_signature(const oci::Descriptor& layer);

/// The layers of an admitted image as they lie in the store: the only way from a manifest to
/// something that can be mounted. Errors: kVerity for a layer without exactly one root hash or with
/// a malformed signature of it, kContent for an image that does not consist of layers that can be
/// mounted.
Result<std::vector<verity::LayerSource>> layer_sources(
    const trust::Verified<oci::Manifest>& manifest, const oci::Store& store);

}  // namespace mosb::agent
