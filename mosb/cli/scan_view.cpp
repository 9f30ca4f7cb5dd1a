#include "mosb/cli/scan_view.h"

#include "mosb/base/text.h"

namespace mosb::cli {

Json to_json(const verity::LayerScan& scan) {
  Json findings = Json::array();
  for (const verity::Finding& finding : scan.findings) {
    findings.push_back({{"kind", verity::finding_name(finding.kind)},
                        {"count", finding.count},
                        {"example", escape(finding.example)}});
  }
  return {{"inodes", scan.inodes}, {"bytes", scan.file_bytes.value}, {"findings", findings}};
}

Json to_json(const std::vector<agent::ScannedLayer>& layers) {
  Json json = Json::array();
  for (const agent::ScannedLayer& layer : layers) {
    Json object = to_json(layer.scan);
    object["layer"] = layer.digest.str();
    json.push_back(std::move(object));
  }
  return json;
}

std::vector<std::string> lines_for(const Digest& layer, const verity::LayerScan& scan) {
  std::vector<std::string> lines;
  for (const verity::Finding& finding : scan.findings) {
    lines.push_back("layer " + layer.str() + ": " + to_string(finding));
  }
  return lines;
}

}  // namespace mosb::cli
