#pragma once

#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/openssl_handles.h"

/// For this folder's OpenSSL sources only.
namespace mosb::trust {

/// Everything that a certificate says and that is used here. Extensions that are used must decode
/// and stand once; others are not looked at. Errors: kSignature.
Result<CertificateFields> decode_certificate(X509& x509);

}  // namespace mosb::trust
