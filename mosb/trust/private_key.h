#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/signature_algorithm.h"

namespace mosb::trust {

/// What a new certificate shall say.
struct CertificateRequest {
  /// Values of C, ST, O and CN, in this order.
  std::string country, state, organization, common_name;
  SystemTime not_before;
  SystemTime not_after;
  enum class Use { kRootCa, kCodeSigning } use;
};

/// A private key for one of the six algorithms. Copies share it; it never leaves memory but through
/// to_pem().
class PrivateKey {
 public:
  /// A PEM key: PKCS #8, PKCS #1 or SEC 1, not encrypted. Errors: kContent.
  static Result<PrivateKey> from_pem(std::string_view pem);
  static Result<PrivateKey> generate(SignatureAlgorithm algorithm);

  SignatureAlgorithm algorithm() const;
  /// PKCS #8. Secret.
  std::string to_pem() const;
  bool belongs_to(const Certificate& certificate) const;
  /// RSASSA-PSS with a salt as long as the hash, or ECDSA as r || s.
  Result<Bytes> sign(ByteView message) const;
  /// As sign_pkcs7_detached() has it. `own`: a certificate of this key's. Errors: kContent.
  Result<Bytes> sign_pkcs7(const Certificate& own, std::string_view content) const;

  /// A self-signed certificate over this key.
  Result<Certificate> self_sign(const CertificateRequest& request) const;
  /// A certificate over `subject_key`, issued by `issuer`, whose key this is.
  Result<Certificate> issue(const CertificateRequest& request,
                            const PrivateKey& subject_key,
                            const Certificate& issuer) const;

 private:
  struct Key;
  explicit PrivateKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}

  std::shared_ptr<const Key> key_;
};

}  // namespace mosb::trust
