#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "mosb/agent/machine_life.h"
#include "mosb/cli/session.h"

namespace mosb::cli {

/// What every command of `mosb machine` works with.
agent::MachineHost machine_host(Session& session);

/// init, edit.
void add_machine_definition_commands(CLI::App& machine, Session& session);
/// start, stop, restart, rm.
void add_machine_life_commands(CLI::App& machine, Session& session);
/// ls, info, logs.
void add_machine_view_commands(CLI::App& machine, Session& session);
void add_machine_console_command(CLI::App& machine, Session& session);

}  // namespace mosb::cli
