#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/admission.h"
#include "mosb/agent/configuration.h"
#include "mosb/agent/desired.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/layer_scans.h"
#include "mosb/agent/step.h"
#include "mosb/base/result.h"
#include "mosb/manifest/manifest.h"
#include "mosb/oci/pull.h"

namespace mosb::agent {

struct ApplyOptions {
  /// For the start of each service.
  std::chrono::milliseconds wait{120'000};
  /// A service that does not start leaves the others running instead of putting all back.
  bool keep_going = false;
  /// --insecure-skip-signature
  bool skip_signature = false;
  oci::Progress progress;
  /// Told before each step is done.
  std::function<void(const Step&)> on_step;
};

/// What apply and its kin work with.
struct ApplyContext {
  const Configuration& configuration;
  const TrustContext& trust;
};

struct ApplyReport {
  std::vector<Step> steps;
  std::vector<std::string> warnings;
  /// Layers that were scanned, because they had not been mounted before.
  std::vector<ScannedLayer> scanned = {};
  bool changed() const { return !steps.empty(); }
};

/// Makes the machine match the manifest. Phase 1 fetches, verifies and mounts for all targets and
/// changes nothing that runs; phase 2 switches, and puts back what ran before if a service does not
/// start. Applying the same twice does nothing. Errors: those of the first thing that failed.
Result<ApplyReport> apply_manifest(const Instance& instance,
                                   const manifest::Manifest& manifest,
                                   const ApplyContext& context,
                                   const ApplyOptions& options);

/// Brings back what was applied, from disk alone: after a reboot, or after something died. A
/// service that can't be brought back keeps no other one down; the first such failure is returned,
/// the others are logged.
Result<ApplyReport> apply_applied(const Instance& instance,
                                  const ApplyContext& context,
                                  const ApplyOptions& options);
/// The steps that apply_applied() would take. Changes nothing.
Result<ApplyReport> plan_applied(const Paths& paths,
                                 const ApplyContext& context,
                                 const ApplyOptions& options);

/// The steps that apply_manifest() would take. Changes nothing; fetches metadata into a directory
/// of its own.
Result<ApplyReport> plan_manifest(const Paths& paths,
                                  const manifest::Manifest& manifest,
                                  const ApplyContext& context,
                                  const ApplyOptions& options);

/// Starts a service that was applied; running already is success. Errors: kNotFound.
Result<ApplyReport> start_service(const Instance& instance,
                                  const std::string& name,
                                  const ApplyContext& context,
                                  const ApplyOptions& options);
/// Stops an applied service and starts it. A signature that is refused, and layers that are missing
/// or known to be damaged, are found first: what runs goes on then. Errors: kNotFound, kVerity and
/// those of readmit_image().
Result<ApplyReport> restart_service(const Instance& instance,
                                    const std::string& name,
                                    const ApplyContext& context,
                                    const ApplyOptions& options);
/// An applied service as it would be started, for looking at it or running a command beside it.
/// Its signatures are not judged again. Errors: kNotFound.
Result<DesiredService> describe_service(const Paths& paths, const std::string& name);
/// Stops it and keeps it down over reboots until it is started or applied again.
Status stop_service(const Instance& instance, const std::string& name);
/// Stops and removes everything of the instance; images stay in the store. Volumes are removed only
/// where asked for.
Result<ApplyReport> take_down(const Instance& instance, bool remove_volumes);

}  // namespace mosb::agent
