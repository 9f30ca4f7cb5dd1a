#pragma once

#include <CLI/CLI.hpp>

#include "mosb/cli/session.h"

namespace mosb::cli {

/// `ls`, `rm`, `gc` and `scrub` of `mosb image`.
void add_image_store_commands(CLI::App& image, Session& session);

}  // namespace mosb::cli
