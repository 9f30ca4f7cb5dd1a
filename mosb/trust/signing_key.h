#pragma once

#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/private_key.h"

namespace mosb::trust {

/// A private key with the certificate chain that vouches for it.
struct SigningKey {
  PrivateKey key;
  /// Leaf first, up to the root.
  std::vector<Certificate> chain;
};

/// Reads a PEM private key and its PEM chain (leaf first). A key file that anybody but its owner
/// may read or write is refused, as ssh does. Errors: kNotFound, kPolicy for the file's mode,
/// kContent for files that do not hold a key and its chain.
Result<SigningKey> load_signing_key(const std::string& key_file,
                                    const std::string& cert_chain_file);
/// The key that signingkeys.json names; its default one for "". Errors: as above, kUsage for a key
/// that a plugin holds.
Result<SigningKey> load_signing_key_by_name(const NotationConfig& config, const std::string& name);

}  // namespace mosb::trust
