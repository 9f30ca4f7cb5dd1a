#pragma once

#include <CLI/CLI.hpp>

#include "mosb/cli/session.h"

namespace mosb::cli {

/// `mosb image scrub`.
void add_image_scrub(CLI::App& image, Session& session);

}  // namespace mosb::cli
