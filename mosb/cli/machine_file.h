#pragma once

#include <string>

#include "mosb/cli/session.h"
#include "mosb/manifest/machine.h"

namespace mosb::cli {

/// Checks a machine's definition and warns of what may surprise. `file` is for messages only.
/// Errors: kManifest; before it every problem was printed to standard error, or all are in the
/// message where the output is JSON.
Result<manifest::Machine> check_machine_text(const Session& session,
                                             const std::string& text,
                                             const std::string& file);
/// The same for a file. Errors: also kManifest for one that cannot be read.
Result<manifest::Machine> read_machine_file(const Session& session, const std::string& file);

}  // namespace mosb::cli
