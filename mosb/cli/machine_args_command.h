#pragma once

#include "mosb/cli/command_line.h"

namespace mosb::cli {

/// `mosb machine args`.
void add_machine_args(Command& machine);

}  // namespace mosb::cli
