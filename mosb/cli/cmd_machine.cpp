#include "mosb/cli/machine_args_command.h"
#include "mosb/cli/machine_commands.h"
#include "mosb/cli/session.h"

namespace mosb::cli {

void add_machine_commands(CLI::App& app, Session& session) {
  CLI::App* const machine = app.add_subcommand("machine", "Virtual machines");
  machine->footer("Example: mosb machine args machine.yaml");
  add_machine_args(*machine, session);
  add_machine_definition_commands(*machine, session);
  add_machine_life_commands(*machine, session);
  add_machine_view_commands(*machine, session);
  add_machine_console_command(*machine, session);
}

}  // namespace mosb::cli
