#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lxc/container.h"
#include "lxc/container_spec.h"
#include "mosb/agent/compose.h"
#include "mosb/agent/layer_scans.h"
#include "mosb/agent/paths.h"
#include "mosb/agent/service_record.h"
#include "mosb/base/result.h"
#include "verity/mounted_image.h"

namespace mosb::agent {

/// What the kernel says of one service. A fact, whatever any file wishes.
struct ServiceFacts {
  /// What was last started under the name.
  std::optional<ServiceRecord> record;
  lxc::ContainerFacts container;
  /// Images mounted for it.
  std::vector<verity::MountState> mounts;
  /// Something of it exists that a stop would take away.
  bool leftovers = false;

  bool running() const { return container.state == lxc::RunState::kRunning; }
};

/// The service that an image is mounted for, by where; "" if it is none of mosb's.
std::string service_of_mount(const Paths& paths, const std::string& target);

/// Adds the home directory's variable to NAME=VALUE pairs, unless somebody set one.
void add_home(std::vector<std::string>& env, const std::string& home);

/// Does to one service at a time what a spec says; decides nothing.
class ServiceRuntime {
 public:
  /// `verifier` and `policy`: for what is mounted from now on; of the policy signatures that are
  /// required for what is found mounted, too.
  ServiceRuntime(const Paths& paths,
                 std::string instance,
                 verity::Verifier verifier = verity::Verifier::kAuto,
                 const LayerPolicy& policy = {});

  /// Facts by service name: of every service that has a trace in this boot.
  Result<std::map<std::string, ServiceFacts>> observe_all() const;
  Result<ServiceFacts> observe(const std::string& name) const;
  /// The image is mounted exactly as the spec says and healthy. Changes nothing.
  Result<bool> is_mounted(const ServiceSpec& spec) const;

  /// Refuses layers that may not be mounted: found damaged, or not admitted (layer_scans.h).
  Status admit_layers(const ServiceSpec& spec) const;
  /// Layers that this one, or a copy of it, scanned.
  const std::vector<ScannedLayer>& scanned() const { return scans_->fresh(); }
  /// Phase 1: mounts the image beside whatever runs; makes the volumes' directories.
  Status prepare(const ServiceSpec& spec) const;
  /// Takes back what prepare() did for a spec that is not to run after all.
  Status discard(const ServiceSpec& spec) const;
  /// Phase 2: starts a container, or shows an fs-only image under its name. prepare() was called.
  Status start(const ServiceSpec& spec, std::chrono::milliseconds timeout) const;
  /// Stops the service and releases everything of it but the image mounted for `keep`.
  Status stop(const std::string& name, const ServiceSpec* keep = nullptr) const;
  /// Stops services that leave together: all are asked first, so it takes as long as the slowest of
  /// them. One that fails leaves the others stopped; the first failure is returned.
  Status stop_all(const std::vector<std::string>& names) const;
  /// Removes what crashes left of containers and layers that nobody uses.
  Status collect_garbage() const;

  lxc::ContainerId container_id(const std::string& name) const;
  lxc::RuntimeEnvironment runtime_environment() const;
  /// Errors: kHost without /proc.
  Result<verity::MountEnvironment> mount_environment() const;

 private:
  Status start_connected(const lxc::ContainerSpec& container,
                         const lxc::RuntimeEnvironment& environment,
                         const ServiceNetwork& network) const;
  Status bind_volumes(const ServiceSpec& spec, lxc::ContainerSpec& container) const;
  void remove_empty_directories(const ServiceSpec& spec) const;
  /// Unmounts what lies at a target of ours and has lost its record.
  Status release_unknown(const std::string& target) const;

  struct Leaving;
  /// `keep` is the spec that is started next under the name, if any.
  Leaving leaving(const std::string& name, const ServiceSpec* keep) const;
  Status ask_to_stop(Leaving& service) const;
  Status finish(const std::vector<Leaving>& services) const;
  Status finish_container(const Leaving& service) const;
  Status disconnect(const std::vector<Leaving>& services) const;
  Status release_mounts(const std::vector<Leaving>& services) const;
  Status remove_traces(const Leaving& service) const;

  const Paths& paths_;
  std::string instance_;
  verity::Verifier verifier_;
  verity::RootHashSignatures signatures_;
  std::shared_ptr<LayerScans> scans_;
};

}  // namespace mosb::agent
