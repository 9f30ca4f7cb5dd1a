#pragma once

#include <CLI/CLI.hpp>

#include "mosb/cli/session.h"

namespace mosb::cli {

/// `mosb machine args`.
void add_machine_args(CLI::App& machine, Session& session);

}  // namespace mosb::cli
