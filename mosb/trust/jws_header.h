#pragma once

#include <string_view>

#include "mosb/base/result.h"
#include "mosb/trust/signature_envelope.h"

namespace mosb::trust {

struct JwsHeader {
  SignatureAlgorithm algorithm = SignatureAlgorithm::kPs256;
  SignedAttributes attributes;
  /// Every name in it: none may stand in the unprotected header too.
  std::vector<std::string> names;
};

/// The protected header's JSON. Spec: Notary Project "JWS signature envelope", protected headers;
/// RFC 7515 §4. Errors: kSignature.
Result<JwsHeader> parse_jws_header(std::string_view text);

}  // namespace mosb::trust
