#pragma once

#include "mosb/cli/session.h"

namespace mosb::cli {

/// Declares `image build` below `image`.
void add_image_build(CLI::App& image, Session& session);

}  // namespace mosb::cli
