#pragma once

#include <optional>
#include <string>

#include "mosb/agent/root_hash_signer.h"
#include "mosb/base/result.h"
#include "mosb/cli/command_line.h"

namespace mosb::cli {

/// With what the root hashes of new layers are signed for kernels.
struct VerityKeyFlags {
  std::string key, cert;
};

void add_verity_key_flags(Command& command, VerityKeyFlags& flags);
/// nullopt if none were given. Errors: kUsage for one without the other, and those of
/// RootHashSigner::load().
Result<std::optional<agent::RootHashSigner>> load_root_hash_signer(const VerityKeyFlags& flags);

}  // namespace mosb::cli
