#pragma once

#include <string>

#include "mosb/agent/machine_life.h"
#include "mosb/cli/command_line.h"
#include "mosb/cli/session.h"

namespace mosb::cli {

/// What every command of `mosb machine` works with.
agent::MachineHost machine_host(Session& session);

/// init, edit.
void add_machine_definition_commands(Command& machine);
/// start, stop, restart, rm.
void add_machine_life_commands(Command& machine);
/// ls, info, logs.
void add_machine_view_commands(Command& machine);
void add_machine_console_command(Command& machine);

}  // namespace mosb::cli
