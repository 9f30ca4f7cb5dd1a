#pragma once

#include "mosb/cli/command_line.h"

namespace mosb::cli {

/// `mosb image convert`.
void add_image_convert(Command& image);

}  // namespace mosb::cli
