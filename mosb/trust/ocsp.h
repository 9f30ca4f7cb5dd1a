#pragma once

#include <optional>
#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"

namespace mosb::trust {

/// As for notation: what a responder answers has one or two kilobytes.
constexpr ByteCount kMaxOcspResponse{20 * kKiB};

/// A responder's word about a certificate.
struct OcspStatus {
  enum class Kind { kGood, kRevoked, kUnknown };
  Kind kind = Kind::kUnknown;
  /// Since when a revoked certificate must not be believed, if the responder says so.
  std::optional<SystemTime> invalid_since;
  /// Who signed in the issuer's place, if the issuer lets that one be revoked: no ocsp-nocheck.
  /// Spec: RFC 6960 §4.2.2.2.1.
  std::optional<Certificate> revocable_delegate = {};
};

/// OCSPRequest in DER for one certificate, by SHA-1 and without a nonce: so that a responder can
/// hand out what it signed in advance. Spec: RFC 6960 §4.1, RFC 5019 §2.1. Errors: kInternal.
Result<std::string> make_ocsp_request(const Certificate& certificate, const Certificate& issuer);

/// A response about the certificate by its issuer, or by a responder with a certificate of the
/// issuer's for OCSP signing, that counts at `now`. Spec: RFC 6960 §4.2. Errors: kSignature.
Result<OcspStatus> read_ocsp_response(ByteView response,
                                      const Certificate& certificate,
                                      const Certificate& issuer,
                                      SystemTime now);

}  // namespace mosb::trust
