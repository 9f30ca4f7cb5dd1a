#pragma once

#include <string_view>

#include <openssl/evp.h>

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"

namespace mosb::trust {

/// A signature beside what it is over: PKCS #7 signed data in DER with one signer, SHA-256, neither
/// attributes nor certificates, as `openssl smime -sign -binary -noattr -nocerts` makes it. The
/// same input gives the same bytes, because the key has to be RSA (PKCS #1 v1.5). `certificate`
/// names the signer by its issuer and serial number. Errors: kContent for another kind of key or a
/// certificate of another key's. Spec: RFC 2315.
Result<Bytes> sign_pkcs7_detached(EVP_PKEY& key,
                                  const Certificate& certificate,
                                  std::string_view content);

}  // namespace mosb::trust
