#pragma once

#include <string>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/openssl_handles.h"

/// For this folder's OpenSSL sources only.
namespace mosb::trust {

/// Errors: kSignature for null and what is no time.
Result<SystemTime> decode_asn1_time(const ASN1_TIME* time);
/// Whether a signature's algorithm is RSA (PKCS #1 or PSS) or ECDSA with SHA-256, SHA-384 or
/// SHA-512.
bool is_strong_signature(const X509_ALGOR& algorithm);
/// The URLs of distribution points' full names, in their order.
std::vector<std::string> distribution_urls(const CRL_DIST_POINTS* points);

}  // namespace mosb::trust
