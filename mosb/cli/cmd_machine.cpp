#include "mosb/cli/commands.h"
#include "mosb/cli/machine_args_command.h"
#include "mosb/cli/machine_commands.h"

namespace mosb::cli {

void add_machine_commands(Command& app) {
  Command machine =
      app.subcommand("machine", "Virtual machines").example("mosb machine args machine.yaml");
  add_machine_args(machine);
  add_machine_definition_commands(machine);
  add_machine_life_commands(machine);
  add_machine_view_commands(machine);
  add_machine_console_command(machine);
}

}  // namespace mosb::cli
