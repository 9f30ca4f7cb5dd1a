#include <chrono>
#include <cstdlib>
#include <memory>

#include "mosb/agent/machine_definitions.h"
#include "mosb/base/duration.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/cli/machine_commands.h"

namespace mosb::cli {

namespace {

struct LifeFlags {
  std::string name;
  bool wait = false;
  std::string wait_time = "5m";
  std::string ready_line = kvm::kReadyLine;
  std::string patience = "30s";
  bool force = false;
};

Result<std::chrono::milliseconds> time_of(const std::string& text, const char* flag) {
  return parse_duration(text).context(flag).as(Errc::kUsage);
}

Result<agent::MachineStart> start_options(const LifeFlags& flags) {
  agent::MachineStart options;
  if (flags.wait) {
    options.wait = MOSB_TRY(time_of(flags.wait_time, "--wait-time"));
  }
  if (flags.ready_line.empty()) {
    return Error(Errc::kUsage, "--ready-line: is empty");
  }
  options.ready_line = flags.ready_line;
  return options;
}

Result<kvm::StopOptions> stop_options(const LifeFlags& flags) {
  kvm::StopOptions options;
  options.patience =
      flags.force ? std::chrono::milliseconds(0) : MOSB_TRY(time_of(flags.patience, "--patience"));
  return options;
}

std::string forward_text(const kvm::HostForward& port) {
  return (port.host_address ? port.host_address->str() : std::string("*")) + ":" +
         std::to_string(port.host_port) + "->" + std::to_string(port.guest_port) +
         (port.protocol == kvm::Protocol::kTcp ? "/tcp" : "/udp");
}

Json run_json(const LifeFlags& flags, const kvm::RunRecord& run) {
  return {{"name", flags.name},
          {"pid", run.qemu.pid},
          {"accel", kvm::accel_name(run.accel)},
          {"since", to_rfc3339(run.since)},
          {"ready", run.ready.has_value()}};
}

Result<int> start(Session& session, const LifeFlags& flags) {
  const agent::MachineStart options = MOSB_TRY(start_options(flags));
  const kvm::RunRecord run =
      MOSB_TRY(agent::start_machine(machine_host(session), flags.name, options));
  if (session.format() == Output::kJson) {
    print_json(run_json(flags, run));
    return 0;
  }
  print_line(session,
             "machine " + flags.name + (run.ready ? " is ready" : " runs") + " (process " +
                 std::to_string(run.qemu.pid) + ", " + kvm::accel_name(run.accel) + ")");
  for (const kvm::HostForward& port : run.forwards) {
    print_line(session, "  " + forward_text(port));
  }
  return 0;
}

const char* stopped_text(kvm::Stopped how) {
  switch (how) {
    case kvm::Stopped::kByGuest:
      return "the guest powered off";
    case kvm::Stopped::kByForce:
      return "stopped by force";
    case kvm::Stopped::kBefore:
      return "it did not run";
  }
  return "?";
}

Result<int> stop(Session& session, const LifeFlags& flags) {
  const kvm::StopOptions options = MOSB_TRY(stop_options(flags));
  const kvm::Stopped how =
      MOSB_TRY(agent::stop_machine(machine_host(session), flags.name, options));
  if (session.format() == Output::kJson) {
    print_json({{"name", flags.name}, {"stopped", stopped_text(how)}});
  } else {
    print_line(session, "machine " + flags.name + ": " + stopped_text(how));
  }
  return 0;
}

Result<int> restart(Session& session, const LifeFlags& flags) {
  const agent::MachineHost host = machine_host(session);
  const kvm::StopOptions options = MOSB_TRY(stop_options(flags));
  (void)MOSB_TRY(start_options(flags));
  if (MOSB_TRY(agent::read_defined_machine(host.paths, flags.name)).ephemeral) {
    return Error(Errc::kUsage,
                 "machine " + quote(flags.name) +
                     " is ephemeral: nothing of it is left to start "
                     "once it stops");
  }
  (void)MOSB_TRY(agent::stop_machine(host, flags.name, options));
  return start(session, flags);
}

Result<int> remove(Session& session, const LifeFlags& flags) {
  MOSB_CHECK(
      agent::remove_machine(machine_host(session),
                            flags.name,
                            flags.force ? agent::IfRunning::kStop : agent::IfRunning::kRefuse));
  if (session.format() == Output::kJson) {
    print_json({{"name", flags.name}, {"removed", true}});
  }
  return 0;
}

using MachineAction = Result<int> (*)(Session&, const LifeFlags&);

/// What all commands about one machine have.
std::shared_ptr<LifeFlags> declare(Command& command, MachineAction action) {
  const auto flags = std::make_shared<LifeFlags>();
  command.option("NAME", flags->name, "The machine").required();
  command.runs([flags, action](Session& s) { return action(s, *flags); });
  return flags;
}

void add_start_flags(Command& command, LifeFlags& flags) {
  command.flag("--wait", flags.wait, "Wait until the guest says that it is ready");
  command.option("--wait-time", flags.wait_time, "For --wait, e.g. 90s").shows_default("5m");
  command
      .option("--ready-line",
              flags.ready_line,
              "What a ready guest prints on its serial console, e.g. 'login:'; something that "
              "answers at the guest agent's channel counts as well")
      .shows_default(kvm::kReadyLine);
}

void add_stop_flags(Command& command, LifeFlags& flags) {
  command.flag("--force", flags.force, "Do not ask the guest to power off");
  command.option("--patience", flags.patience, "How long the guest may take to power off, e.g. 2m")
      .shows_default("30s");
}

}  // namespace

agent::MachineHost machine_host(Session& session) {
  const char* const home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): before threads
  return {session.paths(), home == nullptr ? "" : home, session.processes(), session.clock()};
}

void add_machine_life_commands(Command& machine) {
  Command start_command = machine.subcommand("start", "Start a machine; done when qemu runs")
                              .example("mosb machine start vm1 --wait --ready-line login:");
  add_start_flags(start_command, *declare(start_command, start));
  Command stop_command =
      machine.subcommand("stop", "Ask the guest to power off; end it when it does not")
          .example("mosb machine stop vm1 --patience 2m");
  add_stop_flags(stop_command, *declare(stop_command, stop));
  Command restart_command = machine.subcommand("restart", "Stop and start a machine")
                                .example("mosb machine restart vm1 --wait");
  const auto restart_flags = declare(restart_command, restart);
  add_start_flags(restart_command, *restart_flags);
  add_stop_flags(restart_command, *restart_flags);
  Command remove_command =
      machine
          .subcommand("rm",
                      "Remove a machine with the disks in its folder, its variables, TPM and logs")
          .example("mosb machine rm vm1");
  const auto remove_flags = declare(remove_command, remove);
  remove_command.flag("--force", remove_flags->force, "Also if it runs");
}

}  // namespace mosb::cli
