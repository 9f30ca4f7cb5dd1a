#pragma once

#include "mosb/cli/session.h"
#include "mosb/oci/pull.h"

namespace mosb::cli {

/// Shows how a fetch goes on standard error: a bar on a terminal, a line per layer elsewhere,
/// nothing with -q or --progress none.
oci::Progress progress_reporter(const Session& session);

}  // namespace mosb::cli
