#include "mosb/cli/verity_key_flags.h"

namespace mosb::cli {

void add_verity_key_flags(Command& command, VerityKeyFlags& flags) {
  command.option(
      "--verity-key", flags.key, "RSA key in PEM that signs root hashes for the kernel's keyrings");
  command.option("--verity-cert", flags.cert, "Its certificate, which such a kernel trusts");
}

Result<std::optional<agent::RootHashSigner>> load_root_hash_signer(const VerityKeyFlags& flags) {
  if (flags.key.empty() != flags.cert.empty()) {
    return Error(Errc::kUsage, "--verity-key and --verity-cert go together");
  }
  if (flags.key.empty()) {
    return std::optional<agent::RootHashSigner>();
  }
  return std::optional(MOSB_TRY(agent::RootHashSigner::load(flags.key, flags.cert)));
}

}  // namespace mosb::cli
