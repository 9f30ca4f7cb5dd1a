#pragma once

#include "mosb/cli/session.h"

namespace mosb::cli {

/// `mosb image copy`.
void add_image_copy(CLI::App& image, Session& session);

}  // namespace mosb::cli
