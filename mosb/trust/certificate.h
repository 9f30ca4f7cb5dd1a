#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/trust/bytes.h"
#include "mosb/trust/signature_algorithm.h"

namespace mosb::trust {

struct BasicConstraints {
  bool critical = false;
  bool ca = false;
  std::optional<std::uint64_t> path_length;
};

/// Spec: RFC 5280 §4.2.1.3.
struct KeyUsage {
  bool critical = false;
  bool digital_signature = false;
  bool cert_sign = false;
  /// The first other use that a signing certificate must not have, e.g. "keyEncipherment"; "" if
  /// none. keyCertSign counts.
  std::string forbidden_for_signing;
};

struct SubjectAttribute {
  /// Dotted OID.
  std::string oid;
  /// UTF-8; nullopt where the string type is not one that is used in names.
  std::optional<std::string> value;
};

/// What a certificate says, decoded. Times are inclusive.
struct CertificateFields {
  /// "CN=…,O=…,C=…".
  std::string subject;
  std::string issuer;
  /// In the certificate's order, multi-valued RDNs flattened.
  std::vector<SubjectAttribute> subject_attributes;
  Bytes subject_der;
  Bytes issuer_der;
  SystemTime not_before;
  SystemTime not_after;
  std::optional<BasicConstraints> basic_constraints;
  std::optional<KeyUsage> key_usage;
  /// Dotted OIDs.
  std::optional<std::vector<std::string>> extended_key_usage;
  bool extended_key_usage_critical = false;
  KeySpec key;
  /// The issuer's signature is made with SHA-256, SHA-384 or SHA-512.
  bool strong_signature = false;
  /// OCSP responders and CRL distribution points, as written and in their order.
  std::vector<std::string> ocsp_urls;
  std::vector<std::string> crl_urls;
  /// Names a delta CRL itself. RFC 5280 §4.2.1.15.
  bool has_freshest_crl = false;

  bool has_revocation_url() const { return !ocsp_urls.empty() || !crl_urls.empty(); }
};

/// An X.509 certificate. Copies share the parsed object.
class Certificate {
 public:
  /// One DER certificate and nothing after it. Errors: kSignature.
  static Result<Certificate> from_der(ByteView der);
  /// Every certificate of a file: PEM blocks with any text around them, or DER ones after each
  /// other. At least one. Errors: kSignature.
  static Result<std::vector<Certificate>> from_file_bytes(std::string_view bytes);

  const Bytes& der() const;
  const CertificateFields& fields() const;
  const Digest& thumbprint() const;
  std::string to_pem() const;
  /// Subject and issuer are the same bytes.
  bool is_self_issued() const { return fields().subject_der == fields().issuer_der; }

  /// Whether this certificate's signature is by `issuer`'s key, with an acceptable algorithm. Says
  /// nothing about names, uses and times. Errors: kSignature.
  Status check_signed_by(const Certificate& issuer) const;
  /// Whether `signature` is over `message` by this certificate's key: RSASSA-PSS with a salt as
  /// long as the hash, or ECDSA as r || s of fixed length. Errors: kSignature.
  Status check_signature(SignatureAlgorithm algorithm, ByteView message, ByteView signature) const;

  /// The same DER.
  bool operator==(const Certificate& other) const { return der() == other.der(); }

 private:
  struct Parsed;
  explicit Certificate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}

  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace mosb::trust
