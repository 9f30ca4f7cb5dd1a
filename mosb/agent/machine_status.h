#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/paths.h"
#include "mosb/base/clock.h"
#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/manifest/machine.h"
#include "provider-kvm/machine_run.h"

namespace mosb::agent {

enum class MachineState {
  kStopped,
  /// Another mosb is starting or stopping it just now.
  kChanging,
  kRunning,
  /// It runs, but not as it should: `message` says why.
  kDegraded,
  /// Its last run did not end by itself or by `stop`.
  kFailed,
};
/// "stopped", "changing", "running", "degraded", "failed".
const char* machine_state_name(MachineState state);

/// One line of `mosb machine ls`: measured, not remembered.
struct MachineStatus {
  std::string name;
  MachineState state = MachineState::kStopped;
  /// Why it is in its state, where that needs a word.
  std::string message;
  /// nullopt for a definition that this mosb cannot read.
  std::optional<manifest::Machine> machine;
  /// While it runs.
  std::optional<kvm::RunRecord> run;
  /// Its definition was changed since it was started.
  bool restart_needed = false;
};

/// Clears up after machines whose processes have ended, and looks at the rest. An ephemeral machine
/// that has ended is not among them any more. Errors: kState.
Result<std::vector<MachineStatus>> list_machines(const Paths& paths, const Clock& clock);

/// The same for one. Errors: kNotFound.
Result<MachineStatus> machine_status(const Paths& paths,
                                     const std::string& name,
                                     const Clock& clock);

/// The stable keys of `mosb machine ls -o json`.
Json to_json(const MachineStatus& status);

}  // namespace mosb::agent
