#pragma once

#include <string>

#include "mosb/cli/command_line.h"
#include "mosb/cli/session.h"

namespace mosb::cli {

/// The flags of every command that judges images.
struct TrustFlags {
  std::string notation_config;
  bool skip_signature = false;
};

void add_trust_flags(Command& command, TrustFlags& flags);
/// The notation configuration for judging what a reference or manifest names.
Result<std::string> trust_dir(const Session& session, const TrustFlags& flags);
/// The one for starting again what was applied: that of the apply, unless a flag names another.
Result<std::string> applied_trust_dir(const Session& session, const TrustFlags& flags);

}  // namespace mosb::cli
