#pragma once

#include "mosb/base/result.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/openssl_handles.h"
#include "mosb/trust/private_key.h"

/// For this folder's OpenSSL sources only.
namespace mosb::trust {

struct CertificateOrder {
  const CertificateRequest& request;
  EVP_PKEY& subject_key;
  EVP_PKEY& issuer_key;
  /// nullptr: self-signed.
  const Certificate* issuer;
};

/// Errors: kInternal, kUsage for a name that X.509 cannot hold.
Result<Certificate> build_certificate(const CertificateOrder& order);

}  // namespace mosb::trust
