#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/applied_state.h"
#include "mosb/agent/paths.h"
#include "mosb/agent/service_network.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/base/clock.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"

namespace mosb::agent {

enum class ServiceState {
  kStarting,
  kRunning,
  kReady,
  kStopped,
  kCompleted,
  kFailed,
  kDegraded,
  kBlocked,
};
/// "running" …
const char* state_name(ServiceState state);

/// One line of `mosb ps`: measured, not remembered.
struct ServiceStatus {
  std::string name;
  std::string version;
  manifest::ServiceType type = manifest::ServiceType::kContainer;
  ServiceState state = ServiceState::kStopped;
  std::optional<int> pid;
  std::optional<SystemTime> since;
  /// nullopt for a service that runs although nothing applied names it.
  std::optional<ServiceImage> image;
  /// What judging that image anew found, if it was not that it counts.
  std::optional<RecheckFinding> finding;
  /// "dm-verity", "fuse-verity", or "none" when nothing is mounted.
  std::string verified_by = "none";
  std::string network;
  /// Only with the network simple.
  std::optional<Lease> addresses;
  std::vector<manifest::TargetPort> ports;
  std::string nsgroup;
  std::optional<std::uint32_t> uid_base;
  /// Why it is in its state, where that needs a word.
  std::string message;
};

/// Pure: joins wish and fact.
ServiceStatus status_of(const std::string& name,
                        const AppliedService* applied,
                        const ServiceFacts& facts);
/// Adds what the service has of the bridge, and whether its awaited ports are open. Errors: kHost.
Status add_network(const AppliedService& applied,
                   const Addresses& addresses,
                   ServiceStatus& status);

/// All services of the instance, by name. Of the one named `examined` the layers are read where
/// the kernel refused a block without saying which; for the others what is known counts.
Result<std::vector<ServiceStatus>> list_services(const Paths& paths,
                                                 const std::string& examined = "");

/// The stable keys of `mosb ps -o json`.
Json to_json(const ServiceStatus& status);

}  // namespace mosb::agent
