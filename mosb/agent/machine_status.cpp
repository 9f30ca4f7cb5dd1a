#include "mosb/agent/machine_status.h"

#include <utility>

#include "mosb/agent/machine_definitions.h"
#include "mosb/agent/machine_end.h"
#include "mosb/agent/machine_lock.h"
#include "mosb/agent/machine_log.h"
#include "mosb/agent/machine_paths.h"
#include "mosb/base/digest.h"
#include "mosb/base/file.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "provider-kvm/guest_signs.h"

namespace mosb::agent {

namespace {

/// A guest on KVM does something in its first second, on the slowest of hosts before this.
constexpr std::chrono::seconds kLifeTime{30};

/// Looks, and clears up where nobody else is at work.
Result<std::pair<kvm::Observation, bool>> look(const Paths& paths,
                                               const std::string& name,
                                               const Clock& clock) {
  kvm::Observation seen = MOSB_TRY(kvm::observe(MOSB_TRY(machine_place(paths, name))));
  const bool ended_before = seen.condition == kvm::Condition::kStopped &&
                            !path_exists(MachinePaths(paths, name).started());
  if (ended_before || seen.qemu.is_open()) {
    return std::pair(std::move(seen), false);
  }
  const auto lock = try_lock_machine(paths, name);
  if (lock) {
    return std::pair(MOSB_TRY(settle_machine(paths, name, clock)), false);
  }
  if (lock.error().code() != Errc::kBusy) {
    return lock.error();
  }
  return std::pair(std::move(seen), true);
}

/// Turns the log over where nobody else does just now.
Status bound_log(const Paths& paths, const std::string& name, const std::string& log) {
  if (!MOSB_TRY(console_log_is_full(log))) {
    return ok();
  }
  const auto lock = try_lock_machine(paths, name);
  return lock ? rotate_open_console_log(log) : ok();
}

Status judge_running(const Paths& paths,
                     const kvm::Observation& seen,
                     const Clock& clock,
                     MachineStatus& status) {
  status.state = MachineState::kRunning;
  if (seen.condition == kvm::Condition::kTpmGone) {
    status.state = MachineState::kDegraded;
    status.message = "swtpm has ended: the guest has no TPM any more until it is restarted";
    return ok();
  }
  const kvm::MachinePlace place = MOSB_TRY(machine_place(paths, status.name));
  MOSB_CHECK(bound_log(paths, status.name, place.files.console_log()));
  if (seen.record->accel == kvm::Accel::kKvm && clock.now() - seen.record->since > kLifeTime &&
      !MOSB_TRY(kvm::shows_life(place, seen))) {
    status.state = MachineState::kDegraded;
    status.message = "no sign of life: KVM does not work here; try 'accel: tcg'";
  }
  return ok();
}

void judge_stopped(const Paths& paths, MachineStatus& status) {
  const auto end = read_machine_end(paths, status.name);
  status.state = end && end->failed ? MachineState::kFailed : MachineState::kStopped;
  status.message = end ? end->message : "";
}

Result<MachineStatus> status_of(const Paths& paths, const std::string& name, const Clock& clock) {
  auto [seen, busy] = MOSB_TRY(look(paths, name, clock));
  // Only now: an ephemeral machine that has ended is gone.
  const std::string text = MOSB_TRY(read_definition(paths, name));
  MachineStatus status;
  status.name = name;
  auto machine = read_defined_machine(paths, name);
  const std::string unreadable = machine ? "" : machine.error().message();
  if (machine) {
    status.machine = *std::move(machine);
  }
  if (seen.qemu.is_open()) {
    MOSB_CHECK(judge_running(paths, seen, clock, status));
    status.restart_needed = seen.record->origin != Digest::of(text).str();
    status.run = std::move(seen.record);
  } else if (busy) {
    status.state = MachineState::kChanging;
  } else {
    judge_stopped(paths, status);
  }
  if (!unreadable.empty()) {
    status.message = unreadable;
  }
  return status;
}

Json forwards_json(const kvm::RunRecord& run) {
  Json ports = Json::array();
  for (const kvm::HostForward& port : run.forwards) {
    ports.push_back({{"protocol", port.protocol == kvm::Protocol::kTcp ? "tcp" : "udp"},
                     {"host_ip", port.host_address ? port.host_address->str() : ""},
                     {"host", port.host_port},
                     {"guest_ip", port.guest_address ? port.guest_address->str() : ""},
                     {"guest", port.guest_port}});
  }
  return ports;
}

}  // namespace

const char* machine_state_name(MachineState state) {
  switch (state) {
    case MachineState::kStopped:
      return "stopped";
    case MachineState::kChanging:
      return "changing";
    case MachineState::kRunning:
      return "running";
    case MachineState::kDegraded:
      return "degraded";
    case MachineState::kFailed:
      return "failed";
  }
  return "?";
}

Result<std::vector<MachineStatus>> list_machines(const Paths& paths, const Clock& clock) {
  std::vector<MachineStatus> out;
  for (const std::string& name : MOSB_TRY(machine_names(paths))) {
    auto status = status_of(paths, name, clock);
    if (status) {
      out.push_back(*std::move(status));
    } else if (status.error().code() != Errc::kNotFound) {
      return std::move(status).error().context("machine " + quote(name));
    }
  }
  return out;
}

Result<MachineStatus> machine_status(const Paths& paths,
                                     const std::string& name,
                                     const Clock& clock) {
  (void)MOSB_TRY(read_definition(paths, name));
  return status_of(paths, name, clock);
}

Json to_json(const MachineStatus& status) {
  Json object{{"name", status.name},
              {"state", machine_state_name(status.state)},
              {"message", status.message},
              {"restart_needed", status.restart_needed},
              {"pid", nullptr},
              {"since", nullptr},
              {"accel", nullptr},
              {"ready", false},
              {"ports", Json::array()}};
  if (status.machine) {
    object["description"] = status.machine->description;
    object["ephemeral"] = status.machine->ephemeral;
    object["cpus"] = status.machine->cpus;
    object["memory"] = status.machine->memory.value / kMiB;
  }
  if (status.run) {
    object["pid"] = status.run->qemu.pid;
    object["since"] = to_rfc3339(status.run->since);
    object["accel"] = kvm::accel_name(status.run->accel);
    object["ready"] = status.run->ready.has_value();
    object["ports"] = forwards_json(*status.run);
  }
  return object;
}

}  // namespace mosb::agent
