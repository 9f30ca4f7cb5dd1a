#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/admission.h"
#include "mosb/agent/layer_policy.h"
#include "mosb/base/result.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"
#include "mosb/trust/report.h"

namespace mosb::agent {

struct VerifiedLayer {
  oci::Descriptor descriptor;
  /// 64 hex digits.
  std::string root_hash;
  verity::LayerScan scan;
};

struct VerifiedImage {
  oci::Descriptor descriptor;
  trust::VerificationReport report;
  /// Bottom first; every block of each was read and checked.
  std::vector<VerifiedLayer> layers;
};

struct VerifyImageRequest {
  oci::Reference ref;
  std::string scope;
  TrustContext trust;
  /// Layers that don't lie in a layout are fetched to here, one at a time.
  std::string temp_dir;
  /// What an image in the store was chosen from when it was fetched.
  std::optional<oci::Descriptor> index = {};
  LayerPolicy policy = {};
};

/// Judges an image's signatures by policy, then reads every block of every layer against the root
/// hash that the signed manifest gives, and scans its file system. Errors: those of trust::admit();
/// kVerity for a layer without a root hash, of a wrong size or with a bad block, which is named,
/// and for one that the scan or the policy refuses; those of verity::scan_layer().
Result<VerifiedImage> verify_image(oci::Repository& from, const VerifyImageRequest& request);

}  // namespace mosb::agent
