#pragma once

#include "mosb/cli/command_line.h"

namespace mosb::cli {

/// Declares `image build` below `image`.
void add_image_build(Command& image);

}  // namespace mosb::cli
