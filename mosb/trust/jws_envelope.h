#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/signature_envelope.h"

namespace mosb::trust {

/// Takes a JWS in flattened JSON serialisation apart. Structure and header rules are checked here,
/// more strictly than notation does; signature and chain by check_integrity().
/// Spec: Notary Project "JWS signature envelope"; RFC 7515 §7.2.2. Errors: kSignature.
Result<SignatureEnvelope> parse_jws(std::string_view text);

/// "protected.payload", encoded: the bytes to sign.
std::string jws_signing_input(const EnvelopeContent& content);
/// The envelope around `signing_input`, byte for byte as notation 1.3.2 lays it out; an empty
/// timestamp is left out.
std::string print_jws(std::string_view signing_input,
                      const std::vector<Certificate>& chain,
                      ByteView signature,
                      ByteView timestamp);

}  // namespace mosb::trust
