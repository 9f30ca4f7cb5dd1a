#pragma once

#include <string>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/signature_algorithm.h"

namespace mosb::trust {

struct KeysetRequest {
  /// Common name of the signing certificate, 1 to 48 characters.
  std::string common_name;
  SignatureAlgorithm algorithm = SignatureAlgorithm::kEs256;
};

/// What create_keyset() made; paths are below `dir`.
struct Keyset {
  std::string dir;
  std::string root_key, root_certificate;
  std::string signing_key, signing_certificate, signing_chain;
  /// The notation configuration that trusts the root.
  std::string notation_dir;
  /// The signing certificate's subject as the trust policy names it.
  std::string trusted_identity;
  SystemTime root_not_after;
  SystemTime signing_not_after;
};

/// Makes a root certificate authority, a signing certificate issued by it, and a notation
/// configuration that trusts exactly this signer, in a new directory; all of it or nothing.
/// Errors: kUsage for a bad name or where `dir` exists and is not empty.
Result<Keyset> create_keyset(const std::string& dir,
                             const KeysetRequest& request,
                             const Clock& clock);

}  // namespace mosb::trust
