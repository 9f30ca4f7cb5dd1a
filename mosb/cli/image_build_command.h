#pragma once

#include <string>

#include "mosb/cli/session.h"

namespace mosb::cli {

/// Declares `image build` below `image`.
void add_image_build(CLI::App& image, Session& session);

/// Where big files lie while they are made: $TMPDIR or /tmp.
std::string temp_dir();

}  // namespace mosb::cli
