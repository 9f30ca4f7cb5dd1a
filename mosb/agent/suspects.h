#pragma once

#include <string>

#include "mosb/agent/paths.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "verity/layer.h"
#include "verity/mounted_image.h"

namespace mosb::agent {

// Layers that gave a bad block, or whose file was found damaged: a mark each, over the end of the
// server that found it, until all of the layer was read and found good or fetched again.

Status mark_suspect(const Paths& paths, const Digest& layer, const std::string& detail);
/// The same for each layer of a mount that gave bad blocks, or that nothing serves any more.
Status mark_suspects(const Paths& paths, const verity::MountState& mount);
bool is_suspect(const Paths& paths, const Digest& layer);
/// Removes the mark; none is success.
Status clear_suspect(const Paths& paths, const Digest& layer);
/// Reads all of a layer that is marked, before it is mounted; a good one loses its mark. Errors:
/// kVerity.
Status check_suspect(const Paths& paths, const verity::LayerSource& layer);

}  // namespace mosb::agent
