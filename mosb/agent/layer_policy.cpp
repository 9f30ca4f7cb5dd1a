#include "mosb/agent/layer_policy.h"

#include <algorithm>
#include <string>

namespace mosb::agent {

namespace {

/// The field of mosb.yaml.
std::string field_name(verity::FindingKind kind) {
  std::string name(verity::finding_name(kind));
  std::replace(name.begin(), name.end(), '-', '_');
  return "policy." + name;
}

}  // namespace

LayerPolicy::Rule LayerPolicy::rule_for(verity::FindingKind kind) const {
  switch (kind) {
    case verity::FindingKind::kDeviceNodes:
      return device_nodes;
    case verity::FindingKind::kSetIdFiles:
      return set_id_files;
    case verity::FindingKind::kFileCapabilities:
      break;
  }
  return file_capabilities;
}

Status check_policy(const verity::LayerScan& scan, const LayerPolicy& policy) {
  for (const verity::Finding& finding : scan.findings) {
    if (policy.rule_for(finding.kind) == LayerPolicy::Rule::kRefuse) {
      return Error(Errc::kVerity,
                   to_string(finding) + ": this machine refuses them (" + field_name(finding.kind) +
                       ")")
          .with_hint("build the image without them, or change mosb.yaml");
    }
  }
  return ok();
}

}  // namespace mosb::agent
