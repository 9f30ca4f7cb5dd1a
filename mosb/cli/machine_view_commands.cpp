#include <cstdio>
#include <memory>

#include "mosb/agent/machine_definitions.h"
#include "mosb/agent/machine_paths.h"
#include "mosb/agent/machine_status.h"
#include "mosb/base/rfc3339.h"
#include "mosb/base/text.h"
#include "mosb/cli/log_flags.h"
#include "mosb/cli/log_view.h"
#include "mosb/cli/machine_commands.h"
#include "mosb/cli/table.h"
#include "provider-kvm/qemu_argv.h"

namespace mosb::cli {

namespace {

struct ConsoleFlags {
  std::string name;
  LogFlags log;
};

/// "*:22222->22/tcp, 127.0.0.1:53->53/udp".
std::string ports_cell(const agent::MachineStatus& status) {
  std::vector<std::string> cells;
  if (status.run) {
    for (const kvm::HostForward& port : status.run->forwards) {
      cells.push_back((port.host_address ? port.host_address->str() : std::string("*")) + ":" +
                      std::to_string(port.host_port) + "->" + std::to_string(port.guest_port) +
                      (port.protocol == kvm::Protocol::kTcp ? "/tcp" : "/udp"));
    }
  }
  return join(cells, ", ");
}

std::string message_cell(const agent::MachineStatus& status) {
  if (!status.restart_needed) {
    return status.message;
  }
  return status.message + (status.message.empty() ? "" : "; ") + "edited: restart to apply";
}

std::vector<std::string> row(const agent::MachineStatus& status) {
  return {status.name,
          std::string(machine_state_name(status.state)) +
              (status.run && status.run->ready ? " (ready)" : ""),
          status.run ? std::to_string(status.run->qemu.pid) : "",
          status.run ? kvm::accel_name(status.run->accel) : "",
          status.machine ? std::to_string(status.machine->cpus) : "",
          status.machine ? std::to_string(status.machine->memory.value / kMiB) + "M" : "",
          status.run ? to_rfc3339(status.run->since) : "",
          ports_cell(status),
          message_cell(status)};
}

Result<int> list(Session& session) {
  const std::vector<agent::MachineStatus> machines =
      MOSB_TRY(agent::list_machines(session.paths(), session.clock()));
  if (session.format() == Output::kJson) {
    Json json = Json::array();
    for (const agent::MachineStatus& status : machines) {
      json.push_back(agent::to_json(status));
    }
    print_json(json);
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const agent::MachineStatus& status : machines) {
    rows.push_back(row(status));
  }
  (void)std::fputs(
      render_table(
          {"MACHINE", "STATE", "PID", "ACCEL", "CPUS", "MEMORY", "SINCE", "PORTS", "MESSAGE"}, rows)
          .c_str(),
      stdout);
  return 0;
}

Json info_json(Session& session, const agent::MachineStatus& status) {
  const agent::MachinePaths paths(session.paths(), status.name);
  const kvm::RuntimeFiles files = paths.runtime();
  Json json = agent::to_json(status);
  json["definition"] = paths.definition();
  json["folder"] = paths.dir();
  json["log"] = files.console_log();
  json["qemu_version"] = nullptr;
  if (status.run) {
    json["qemu_version"] = status.run->qemu_version;
    json["sockets"] = {
        {"qmp", files.qmp()}, {"console", files.console()}, {"agent", files.guest_agent()}};
    json["user"] = status.run->user ? Json(*status.run->user) : Json(nullptr);
    json["tpm_pid"] = status.run->tpm ? Json(status.run->tpm->pid) : Json(nullptr);
  }
  return json;
}

std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

Result<int> info(Session& session, const std::string& name) {
  const agent::MachineStatus status =
      MOSB_TRY(agent::machine_status(session.paths(), name, session.clock()));
  const Json json = info_json(session, status);
  if (session.format() == Output::kJson) {
    print_json(json);
    return 0;
  }
  for (const auto& [key, value] : json.items()) {
    if (!value.is_null() && value != "" && key != "sockets" && key != "ports") {
      (void)std::printf("%-15s %s\n", key.c_str(), escape(value_text(value)).c_str());
    }
  }
  if (!ports_cell(status).empty()) {
    (void)std::printf("%-15s %s\n", "ports", ports_cell(status).c_str());
  }
  return 0;
}

Result<int> logs(Session& session, const ConsoleFlags& flags) {
  (void)MOSB_TRY(agent::read_definition(session.paths(), flags.name));
  const agent::MachinePaths paths(session.paths(), flags.name);
  return show_log(paths.runtime().console_log(), MOSB_TRY(log_request(flags.log, session.clock())));
}

}  // namespace

void add_machine_view_commands(Command& machine) {
  Command all = machine.subcommand("ls", "List the machines").example("mosb machine ls -o json");
  all.runs(list);
  Command one = machine.subcommand("info", "Show everything about a machine")
                    .example("mosb machine info vm1 -o json");
  const auto name = std::make_shared<std::string>();
  one.option("NAME", *name, "The machine").required();
  one.runs([name](Session& s) { return info(s, *name); });
  Command log = machine.subcommand("logs", "Show what a machine's serial console printed")
                    .example("mosb machine logs vm1 -f");
  const auto flags = std::make_shared<ConsoleFlags>();
  log.option("NAME", flags->name, "The machine").required();
  add_log_flags(log, flags->log);
  log.runs([flags](Session& s) { return logs(s, *flags); });
}

}  // namespace mosb::cli
