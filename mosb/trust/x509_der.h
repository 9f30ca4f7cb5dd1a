#pragma once

#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/openssl_handles.h"

/// For this folder's OpenSSL sources only.
namespace mosb::trust {

/// An object of its own with the certificate's bytes; null if there is no memory for it.
X509Ptr to_x509(const Certificate& certificate);
/// Errors: kSignature for a certificate that is not in DER or does not decode.
Result<Certificate> from_x509(const X509& x509);

}  // namespace mosb::trust
