#pragma once

#include <string>
#include <vector>

#include "mosb/agent/layer_scans.h"
#include "mosb/base/json.h"
#include "verity/layer_scan.h"

namespace mosb::cli {

/// `inodes bytes findings`; each finding `kind count example`.
Json to_json(const verity::LayerScan& scan);
/// A list of the same with the layer's digest besides.
Json to_json(const std::vector<agent::ScannedLayer>& layers);
/// A line for each finding: "layer sha256:…: 12 set-id-files, such as '/bin/su'".
std::vector<std::string> lines_for(const Digest& layer, const verity::LayerScan& scan);

}  // namespace mosb::cli
