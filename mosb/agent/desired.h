#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mosb/agent/admission.h"
#include "mosb/agent/applied_state.h"
#include "mosb/agent/compose.h"
#include "mosb/agent/configuration.h"
#include "mosb/agent/reservations.h"
#include "mosb/base/result.h"
#include "mosb/manifest/manifest.h"
#include "mosb/oci/pull.h"

namespace mosb::agent {

/// One service as it shall be: admitted and composed, not yet done.
struct DesiredService {
  AppliedService applied;
  oci::Manifest manifest;
  ServiceSpec spec;
  /// Where missing layers come from; null if the store must have them all.
  std::shared_ptr<oci::Repository> source;

  const std::string& name() const { return spec.name; }
};

struct DesiredRequest {
  const Paths& paths;
  const std::string& instance;
  const Configuration& configuration;
  const TrustContext& trust;
  bool skip_signature = false;
};

/// Resolves, fetches the metadata of, and judges one target's image.
struct AdmittedTarget {
  manifest::Manifest manifest;
  AdmittedImage image;
  std::shared_ptr<oci::Repository> source;

  const manifest::Target& target() const { return manifest.targets.front(); }
};
Result<AdmittedTarget> admit_target(const manifest::Manifest& manifest,
                                    const manifest::Target& target,
                                    oci::Store& store,
                                    const DesiredRequest& request);
/// The same for a service that was applied before, from the store alone.
Result<AdmittedTarget> readmit_service(const AppliedService& service,
                                       oci::Store& store,
                                       const DesiredRequest& request);

/// The groups whose uid ranges these targets need.
std::set<std::string> uid_groups(const std::vector<AdmittedTarget>& targets);

Result<DesiredService> desire(AdmittedTarget target,
                              const Reservations& reserved,
                              const oci::Store& store,
                              const DesiredRequest& request);

/// What an operator should know of the services, e.g. that a volume's size is not enforced.
std::vector<std::string> warnings_for(const std::vector<DesiredService>& desired);

}  // namespace mosb::agent
