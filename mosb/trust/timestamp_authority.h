#pragma once

#include <string>

#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/revocation.h"
#include "mosb/trust/signature_envelope.h"

namespace mosb::trust {

/// Whom to ask for a timestamp when signing, and by what to know the answer.
struct TimestampAuthority {
  std::string url;
  /// Where the path of its certificates ends.
  Certificate root;
  /// Asked for the timestamp, and whether the authority's certificates are revoked.
  const RevocationSources* sources;
};

/// The one self-signed root of a file, PEM or DER. Errors: kUsage, kNotFound.
Result<Certificate> load_timestamp_root(const std::string& path);

/// Asks for a timestamp of a new signature and checks it as a verifier will, so that none is put
/// into an envelope that would not count there. `envelope` needs its algorithm, signature and chain
/// only. Spec: RFC 3161 §3.4; as notation 1.3.2. Errors: kNetwork, kSignature.
Result<Bytes> request_timestamp(const TimestampAuthority& authority,
                                const SignatureEnvelope& envelope,
                                SystemTime now);

}  // namespace mosb::trust
