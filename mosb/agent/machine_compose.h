#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mosb/agent/machine_forwards.h"
#include "mosb/agent/machine_paths.h"
#include "mosb/base/result.h"
#include "mosb/manifest/machine.h"
#include "provider-kvm/machine_spec.h"

namespace mosb::agent {

/// What a machine is composed with besides its definition.
struct MachineContext {
  const MachinePaths& paths;
  /// What "~" stands for; "" if that is not known.
  std::string home;
  /// What `accel: auto` means on this host.
  kvm::Accel auto_accel = kvm::Accel::kKvm;
  /// Whether a file of the host is there: only asked of firmware.
  std::function<bool(const std::string& path)> exists = {};
  /// What the services of the machine's manifest publish (published_ports()).
  std::vector<PublishedPort> published = {};
  /// Ports of the host that `forward: auto` must not take.
  PortTaken is_taken = {};
};

/// Answers every question that a definition leaves open. The same input gives the same machine:
/// what has no MAC address gets one from the names of machine and nic, what has no serial number
/// one from its file.
/// Errors: kManifest, naming the field; kHost if there is no firmware; kNetSetup if a published
/// port finds no port of the host.
Result<kvm::MachineSpec> compose_machine(const manifest::Machine& machine,
                                         const MachineContext& context);

}  // namespace mosb::agent
