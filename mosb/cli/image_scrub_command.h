#pragma once

#include "mosb/cli/command_line.h"

namespace mosb::cli {

/// `mosb image scrub`.
void add_image_scrub(Command& image);

}  // namespace mosb::cli
