#pragma once

#include "verity/layer.h"
#include "verity/layer_scan.h"

namespace mosb::agent {

/// What this machine says to things that layers may have (mosb.yaml, `policy`). Devices, set-id
/// files and capabilities give nothing: layers are mounted without devices and set-uid.
struct LayerPolicy {
  enum class Rule { kReport, kRefuse };

  Rule device_nodes = Rule::kReport;
  Rule set_id_files = Rule::kReport;
  Rule file_capabilities = Rule::kReport;
  verity::RootHashSignatures root_hash_signatures = verity::RootHashSignatures::kIfDemanded;

  Rule rule_for(verity::FindingKind kind) const;
};

/// Errors: kVerity, naming the first finding that is refused.
Status check_policy(const verity::LayerScan& scan, const LayerPolicy& policy);

}  // namespace mosb::agent
