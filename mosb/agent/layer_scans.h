#pragma once

#include <optional>
#include <span>
#include <vector>

#include "mosb/agent/layer_policy.h"
#include "mosb/agent/paths.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "verity/layer.h"
#include "verity/layer_scan.h"

namespace mosb::agent {

struct ScannedLayer {
  Digest digest;
  verity::LayerScan scan;
};

/// Admits layers before they are mounted. One that passed is not scanned again: a record of what
/// was found lies below the state folder, bound to root hash, size and rules of the scan. The
/// records are no more than a cache, and whoever could write one could write the state as well.
/// `paths` must outlive this.
class LayerScans {
 public:
  LayerScans(const Paths& paths, const LayerPolicy& policy) : paths_(paths), policy_(policy) {}

  /// Several are scanned at once. Errors, of the first layer that has one: kVerity for a layer that
  /// the scan or this machine's policy refuses; those of verity::scan_layer().
  Status admit(std::span<const verity::LayerSource> layers);
  /// Those admitted that were scanned just now.
  const std::vector<ScannedLayer>& fresh() const { return fresh_; }

 private:
  /// What was found, if it was scanned just now.
  Result<std::optional<verity::LayerScan>> admit_one(const verity::LayerSource& layer) const;

  const Paths& paths_;
  LayerPolicy policy_;
  std::vector<ScannedLayer> fresh_;
};

/// What was found when the layer was scanned; nullopt if there is no record by today's rules.
std::optional<verity::LayerScan> recorded_scan(const Paths& paths,
                                               const verity::LayerSource& layer);
/// Removes the record; none is success.
Status forget_scan(const Paths& paths, const Digest& layer);

/// Scans a layer wherever it lies, without a look at records, and applies the policy.
Result<verity::LayerScan> scan_anew(const verity::LayerSource& layer, const LayerPolicy& policy);

}  // namespace mosb::agent
