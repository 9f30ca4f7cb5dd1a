#include "mosb/trust/certificate.h"

#include <array>
#include <climits>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/trust/certificate_decoder.h"
#include "mosb/trust/openssl_handles.h"
#include "mosb/trust/pem.h"
#include "mosb/trust/proven_links.h"
#include "mosb/trust/public_key.h"

namespace mosb::trust {

namespace {

/// One for the process: what is in it is true of the bytes, whoever asks.
ProvenLinks& proven_links() {
  static ProvenLinks links;
  return links;
}

const unsigned char* data_of(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// The first DER certificate of `bytes` and how long it is.
Result<std::pair<X509Ptr, std::size_t>> decode_first(ByteView bytes) {
  // Far above any certificate, far below what OpenSSL's `long` lengths can't hold.
  constexpr std::size_t kMaxCertificate = 1U << 20U;
  const unsigned char* at = data_of(bytes);
  const std::size_t size = std::min(bytes.size(), kMaxCertificate);
  X509Ptr x509(d2i_X509(nullptr, &at, static_cast<long>(size)));
  if (!x509) {
    return Error(Errc::kSignature, "malformed certificate: " + take_openssl_error());
  }
  const auto length = static_cast<std::size_t>(at - data_of(bytes));
  return std::pair(std::move(x509), length);
}

/// OpenSSL reads some of BER too; Go, and so notation, reads DER only.
Status check_is_der(X509& x509, ByteView der) {
  unsigned char* encoded = nullptr;
  const int length = i2d_X509(&x509, &encoded);
  const std::unique_ptr<unsigned char, OpensslFree<[](unsigned char* p) { OPENSSL_free(p); }>>
      owner(encoded);
  if (length < 0 || static_cast<std::size_t>(length) != der.size() ||
      !std::equal(encoded, encoded + length, data_of(der))) {
    ERR_clear_error();
    return Error(Errc::kSignature, "malformed certificate: it is not in DER");
  }
  return ok();
}

}  // namespace

struct Certificate::Parsed {
  Bytes der;
  Digest thumbprint;
  X509Ptr x509;
  CertificateFields fields;
};

Result<Certificate> Certificate::from_der(ByteView der) {
  auto [x509, length] = MOSB_TRY(decode_first(der));
  if (length != der.size()) {
    return Error(Errc::kSignature, "malformed certificate: something follows it");
  }
  MOSB_CHECK(check_is_der(*x509, der));
  CertificateFields fields = MOSB_TRY(decode_certificate(*x509));
  return Certificate(std::make_shared<const Parsed>(
      Parsed{Bytes(der.begin(), der.end()), Digest::of(der), std::move(x509), std::move(fields)}));
}

Result<std::vector<Certificate>> Certificate::from_file_bytes(std::string_view bytes) {
  std::vector<Certificate> certificates;
  const std::vector<PemBlock> blocks = MOSB_TRY(parse_pem(bytes).as(Errc::kSignature));
  for (const PemBlock& block : blocks) {
    certificates.push_back(MOSB_TRY(from_der(block.content)));
  }
  if (!blocks.empty()) {
    return certificates;
  }
  for (ByteView rest = as_bytes(bytes); !rest.empty();) {
    const std::size_t length = MOSB_TRY(decode_first(rest)).second;
    certificates.push_back(MOSB_TRY(from_der(rest.first(length))));
    rest = rest.subspan(length);
  }
  if (certificates.empty()) {
    return Error(Errc::kSignature, "there is no certificate in it");
  }
  return certificates;
}

const Bytes& Certificate::der() const {
  return parsed_->der;
}

const Digest& Certificate::thumbprint() const {
  return parsed_->thumbprint;
}

const CertificateFields& Certificate::fields() const {
  return parsed_->fields;
}

std::string Certificate::to_pem() const {
  return print_pem("CERTIFICATE", der());
}

Status Certificate::check_signed_by(const Certificate& issuer) const {
  if (!fields().strong_signature) {
    return Error(Errc::kSignature,
                 "certificate " + quote(fields().subject) +
                     " is signed with an algorithm that is not accepted (SHA-256, SHA-384 or "
                     "SHA-512 is required)");
  }
  if (proven_links().contains(thumbprint(), issuer.thumbprint())) {
    return ok();
  }
  EVP_PKEY* const key = X509_get0_pubkey(issuer.parsed_->x509.get());
  if (key == nullptr || X509_verify(parsed_->x509.get(), key) != 1) {
    ERR_clear_error();
    return Error(Errc::kSignature,
                 "certificate " + quote(fields().subject) + " is not signed by " +
                     quote(issuer.fields().subject));
  }
  proven_links().add(thumbprint(), issuer.thumbprint());
  return ok();
}

Status Certificate::check_signature(SignatureAlgorithm algorithm,
                                    ByteView message,
                                    ByteView signature) const {
  EVP_PKEY* const key = X509_get0_pubkey(parsed_->x509.get());
  if (key == nullptr) {
    return Error(Errc::kSignature, "the signing certificate's key cannot be read");
  }
  return verify_with_key(*key, algorithm, message, signature);
}

}  // namespace mosb::trust
