#pragma once

#include "mosb/cli/command_line.h"

namespace mosb::cli {

/// `mosb image copy`.
void add_image_copy(Command& image);

}  // namespace mosb::cli
