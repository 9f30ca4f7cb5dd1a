#include "mosb/cli/trust_flags.h"

#include "mosb/agent/applied_state.h"

namespace mosb::cli {

void add_trust_flags(Command& command, TrustFlags& flags) {
  command.option("--notation-config",
                 flags.notation_config,
                 "notation configuration directory with trust policy and trust store");
  command.flag("--insecure-skip-signature",
               flags.skip_signature,
               "Accept images without looking at signatures; `mosb ps` shows it of services");
}

Result<std::string> trust_dir(const Session& session, const TrustFlags& flags) {
  if (flags.skip_signature) {
    return std::string();
  }
  return session.notation_config(flags.notation_config);
}

Result<std::string> applied_trust_dir(const Session& session, const TrustFlags& flags) {
  if (flags.notation_config.empty()) {
    const agent::AppliedState state = MOSB_TRY(agent::load_applied_state(session.paths()));
    if (!state.notation_config.empty()) {
      return state.notation_config;
    }
  }
  const auto dir = session.notation_config(flags.notation_config);
  // Services that were all accepted without a signature need none.
  return dir ? *dir : std::string();
}

}  // namespace mosb::cli
