#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "lxc/container_spec.h"
#include "mosb/agent/admission.h"
#include "mosb/agent/applied_state.h"
#include "mosb/agent/configuration.h"
#include "mosb/agent/paths.h"
#include "mosb/agent/reservations.h"
#include "mosb/agent/service_network.h"
#include "mosb/base/result.h"
#include "verity/mounted_image.h"

namespace mosb::agent {

/// A volume's directory as one service sees it.
struct VolumeBind {
  std::string label;
  std::string dest;
  bool readonly = false;
  bool persistent = false;
};

/// Everything that is done for one service, as a value: what is mounted, what is bound, what runs.
struct ServiceSpec {
  std::string name;
  manifest::ServiceType type = manifest::ServiceType::kContainer;
  verity::ImageMount image;
  std::vector<VolumeBind> volumes;
  /// Only for the network type simple.
  std::optional<ServiceNetwork> network;
  /// Ports that a start waits for.
  std::vector<manifest::TargetPort> awaited;
  /// Only for containers. Its process has no ids yet: they are looked up in the mounted image.
  lxc::ContainerSpec container;
  /// `User` as image or manifest give it.
  std::string user;
  std::chrono::milliseconds stop_timeout{10'000};
  /// 16 hex digits over all of the above: two specs with one fingerprint run the same.
  std::string fingerprint;
};

/// The key under which a target's uid range is kept; "" for the host's own ids.
std::string uid_group(const manifest::Target& target);

struct ComposeContext {
  const Paths& paths;
  const std::string& instance;
  const Reservations& reserved;
  const Configuration& configuration;
  const oci::Store& store;
};

/// Where a service's root file system is mounted; the fingerprint keeps an old and a new one apart.
std::string rootfs_path(const Paths& paths,
                        const std::string& name,
                        const std::string& fingerprint);
/// Where an fs-only target shows.
std::string file_system_path(const Paths& paths, const std::string& name);

/// Joins what manifest, image and host say. Pure. Errors: kVerity for a layer without exactly one
/// root hash, kPolicy for host uids that are not allowed, kContent for an image without command,
/// kState for a connected service without addresses.
Result<ServiceSpec> compose(const manifest::Manifest& manifest,
                            const manifest::Target& target,
                            const AdmittedImage& image,
                            const ComposeContext& context);

}  // namespace mosb::agent
