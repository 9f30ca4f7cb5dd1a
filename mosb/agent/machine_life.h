#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/base/clock.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"
#include "mosb/manifest/machine.h"
#include "provider-kvm/guest_signs.h"
#include "provider-kvm/machine_run.h"

namespace mosb::agent {

/// What machines are worked on with.
struct MachineHost {
  Paths paths;
  /// What "~" stands for in definitions; "" if that is not known.
  std::string home;
  ProcessRunner& processes;
  const Clock& clock;
};

/// The machine with every question answered, as a start now would make it.
Result<kvm::MachineSpec> resolve_machine(const MachineHost& host, const manifest::Machine& machine);

struct MachineStart {
  /// nullopt: done as soon as qemu runs.
  std::optional<std::chrono::milliseconds> wait;
  /// What the guest prints on its console when it is ready.
  std::string ready_line = kvm::kReadyLine;
};

/// Errors: kNotFound; kBusy if it runs or another mosb is at work on it; kNetSetup if a port of the
/// host is held; kBoot if qemu does not start, if the guest ends before it is ready, or is not
/// ready in time (it goes on running then); kHost if KVM shows no sign of life.
Result<kvm::RunRecord> start_machine(const MachineHost& host,
                                     const std::string& name,
                                     const MachineStart& options);

/// Errors: kNotFound, kBusy.
Result<kvm::Stopped> stop_machine(const MachineHost& host,
                                  const std::string& name,
                                  const kvm::StopOptions& options);

enum class IfRunning { kRefuse, kStop };
/// Removes the machine with its disks, variables, TPM and logs. Errors: kBusy if it runs and
/// that is to be refused.
Status remove_machine(const MachineHost& host, const std::string& name, IfRunning if_running);

/// What of a running machine would be another with the new definition, by the names of the fields:
/// "memory", "nics". Empty if it does not run.
struct MachineChange {
  bool running = false;
  std::vector<std::string> needs_restart;
};
/// Puts another definition in place of a machine's; the caller has checked the text. Takes effect
/// at the next start. Errors: kNotFound, kBusy.
Result<MachineChange> change_machine(const MachineHost& host,
                                     const std::string& name,
                                     const std::string& text,
                                     const manifest::Machine& machine);

}  // namespace mosb::agent
