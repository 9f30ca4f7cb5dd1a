#pragma once

#include <optional>
#include <string>

#include "mosb/agent/paths.h"
#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "provider-kvm/machine_run.h"

namespace mosb::agent {

/// How a machine's last run ended.
struct MachineEnd {
  /// It was not asked to, and did not power off by itself.
  bool failed = false;
  /// For people: "the guest powered off".
  std::string message;
  SystemTime at;
};

/// nullopt if it never ran, or damaged.
std::optional<MachineEnd> read_machine_end(const Paths& paths, const std::string& name);
Status write_machine_end(const Paths& paths, const std::string& name, const MachineEnd& end);

/// Where the machine's run is on this host. Errors: kState for a damaged instance id.
Result<kvm::MachinePlace> machine_place(const Paths& paths, const std::string& name);

/// Under the machine's lock: clears up after a run that has ended or was left unfinished, writes
/// down how it ended, and removes an ephemeral machine altogether. What runs is left alone.
/// The value is what there is then.
Result<kvm::Observation> settle_machine(const Paths& paths,
                                        const std::string& name,
                                        const Clock& clock);

/// Clears the run and writes down its end; an ephemeral machine goes with all it has.
Status end_machine(const Paths& paths,
                   const std::string& name,
                   const kvm::MachinePlace& place,
                   const MachineEnd& end);

}  // namespace mosb::agent
