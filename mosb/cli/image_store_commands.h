#pragma once

#include "mosb/cli/command_line.h"

namespace mosb::cli {

/// `ls`, `rm`, `gc` and `scrub` of `mosb image`.
void add_image_store_commands(Command& image);

}  // namespace mosb::cli
