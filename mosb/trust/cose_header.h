#pragma once

#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/cbor_value.h"
#include "mosb/trust/signature_envelope.h"

namespace mosb::trust {

/// Labels of header parameters. Spec: RFC 9052 §3.1, RFC 9360 §2.
inline constexpr std::int64_t kCoseAlgorithm = 1;
inline constexpr std::int64_t kCoseCritical = 2;
inline constexpr std::int64_t kCoseContentType = 3;
inline constexpr std::int64_t kCoseX5chain = 33;

struct CoseHeader {
  SignatureAlgorithm algorithm = SignatureAlgorithm::kPs256;
  SignedAttributes attributes;
  /// Every label in it: none may stand in the unprotected header too.
  std::vector<CborLabel> labels;
};

/// The content of the protected header. Spec: Notary Project "COSE signature envelope", protected
/// headers; RFC 9052 §3. Errors: kSignature.
Result<CoseHeader> parse_cose_header(ByteView bytes);

/// Refuses parameters that a signature has no use for: initialisation vectors, and signatures of
/// signatures, which nobody here would verify. A key id must be a byte string.
/// Spec: RFC 9052 §3.1, RFC 9338. Errors: kSignature.
Status check_cose_parameters(const CborMap& header);

/// A protected header, byte for byte as notation 1.3.2 writes it.
std::string print_cose_header(const EnvelopeContent& content);

}  // namespace mosb::trust
