#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/admission.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/layer_scans.h"
#include "mosb/base/result.h"
#include "mosb/oci/pull.h"
#include "mosb/oci/reference.h"
#include "mosb/oci/repository.h"
#include "verity/mounted_image.h"

namespace mosb::agent {

/// A mount outside any service.
struct MountRequest {
  oci::Reference ref;
  std::string scope;
  /// Made if it does not exist; its parent must.
  std::string target;
  verity::ImageMount::Write write = verity::ImageMount::Write::kReadOnly;
  /// Only for kUpper.
  std::string upper_dir;
  /// First of the 65536 host ids that the image's ids show as.
  std::optional<std::uint32_t> idmap_base;
  bool skip_signature = false;
  verity::Verifier verifier = verity::Verifier::kAuto;
  /// It was asked for by name: what is mounted there already must have it, too.
  bool is_verifier_given = false;
  LayerPolicy policy = {};
};

/// Judges the image, fetches what the store lacks of it and mounts it. Mounted already as asked is
/// success, mounted with another verifier than asked for is kBusy. Returns the layers that had to
/// be scanned first. Errors: those of admit_image(), LayerScans::admit() and verity::mount_image().
Result<std::vector<ScannedLayer>> mount_reference(const Instance& instance,
                                                  oci::Repository& from,
                                                  const MountRequest& request,
                                                  const TrustContext& trust,
                                                  const oci::Progress& progress);

/// Unmounts what mount_reference() mounted there. Layers that gave bad blocks are remembered: they
/// are read whole before they are mounted again. Errors: kNotFound; kBusy while it is used.
Status unmount_target(const Instance& instance, const std::string& target);

/// Where this instance keeps the mounts of this mount namespace. Errors: kHost without /proc.
Result<verity::MountEnvironment> mount_environment(
    const Paths& paths,
    const std::string& instance,
    verity::Verifier verifier = verity::Verifier::kAuto,
    const LayerPolicy& policy = {});

}  // namespace mosb::agent
