#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/signature_envelope.h"

namespace mosb::trust {

/// Takes a tagged COSE_Sign1 apart. Structure and header rules are checked here, more strictly than
/// notation does; signature and chain by check_integrity().
/// Spec: Notary Project "COSE signature envelope"; RFC 9052 §4.2. Errors: kSignature.
Result<SignatureEnvelope> parse_cose(std::string_view bytes);

/// The Sig_structure: the bytes to sign. Spec: RFC 9052 §4.4.
std::string cose_signing_input(const EnvelopeContent& content);
/// The envelope of that content, byte for byte as notation 1.3.2 lays it out; an empty timestamp is
/// left out.
std::string print_cose(const EnvelopeContent& content,
                       const std::vector<Certificate>& chain,
                       ByteView signature,
                       ByteView timestamp);

}  // namespace mosb::trust
