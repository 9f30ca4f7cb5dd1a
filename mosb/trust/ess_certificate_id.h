#pragma once

#include <optional>

#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/sha2.h"

/// For this folder's OpenSSL sources only.
namespace mosb::trust {

/// How a signed message names the certificate of its signer: the first ESSCertIDv2 of the attribute
/// SigningCertificateV2. Spec: RFC 5035 §3, §4.
struct EssCertificateId {
  struct IssuerSerial {
    /// The issuer's Name and the serial number's INTEGER, in DER.
    Bytes issuer;
    Bytes serial;
  };

  Sha2 hash = Sha2::k256;
  Bytes digest;
  std::optional<IssuerSerial> issuer_serial;

  /// Takes the attribute's value, DER. Errors: kSignature.
  static Result<EssCertificateId> parse(ByteView der);
};

}  // namespace mosb::trust
