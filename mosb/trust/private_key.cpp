#include "mosb/trust/private_key.h"

#include <utility>

#include <openssl/pem.h>

#include "mosb/trust/certificate_builder.h"
#include "mosb/trust/openssl_handles.h"
#include "mosb/trust/pkcs7_signature.h"
#include "mosb/trust/public_key.h"
#include "mosb/trust/x509_der.h"

namespace mosb::trust {

namespace {

/// Encrypted keys are refused instead of asking somebody at a terminal.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

const char* curve_name(unsigned bits) {
  return bits == 256 ? "P-256" : bits == 384 ? "P-384" : "P-521";
}

/// The public key of a certificate, decoded anew.
EvpPkeyPtr public_key_of(const Certificate& certificate) {
  const X509Ptr x509 = to_x509(certificate);
  return EvpPkeyPtr(x509 ? X509_get_pubkey(x509.get()) : nullptr);
}

}  // namespace

struct PrivateKey::Key {
  EvpPkeyPtr pkey;
  SignatureAlgorithm algorithm;
};

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  if (pem.find("ENCRYPTED") != std::string_view::npos) {
    return Error(Errc::kContent, "the key is encrypted, which is not supported")
        .with_hint("decrypt it with: openssl pkey -in FILE -out NEW_FILE");
  }
  const BioPtr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EvpPkeyPtr pkey(in ? PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr) : nullptr);
  if (!pkey) {
    return Error(Errc::kContent, "there is no PEM private key: " + take_openssl_error());
  }
  const auto algorithm = algorithm_for(key_spec_of(*pkey));
  if (!algorithm) {
    return Error(Errc::kContent,
                 "the key is not of a supported kind (RSA 2048, 3072 or 4096 or NIST P-256, P-384 "
                 "or P-521)");
  }
  ERR_clear_error();
  return PrivateKey(std::make_shared<const Key>(Key{std::move(pkey), *algorithm}));
}

Result<PrivateKey> PrivateKey::generate(SignatureAlgorithm algorithm) {
  const KeySpec spec = trust::key_spec_of(algorithm);
  EvpPkeyPtr pkey(
      spec.type == KeySpec::Type::kEc
          ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve_name(spec.bits))
          : EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<std::size_t>(spec.bits)));
  if (!pkey) {
    return Error(Errc::kInternal, "generate a key: " + take_openssl_error());
  }
  return PrivateKey(std::make_shared<const Key>(Key{std::move(pkey), algorithm}));
}

SignatureAlgorithm PrivateKey::algorithm() const {
  return key_->algorithm;
}

std::string PrivateKey::to_pem() const {
  const BioPtr out(BIO_new(BIO_s_secmem()));
  char* text = nullptr;
  if (!out || PEM_write_bio_PKCS8PrivateKey(
                  out.get(), key_->pkey.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    ERR_clear_error();
    return "";
  }
  const long length = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

bool PrivateKey::belongs_to(const Certificate& certificate) const {
  const EvpPkeyPtr other = public_key_of(certificate);
  const bool same = other && EVP_PKEY_eq(key_->pkey.get(), other.get()) == 1;
  ERR_clear_error();
  return same;
}

Result<Bytes> PrivateKey::sign(ByteView message) const {
  return sign_with_key(*key_->pkey, key_->algorithm, message);
}

Result<Bytes> PrivateKey::sign_pkcs7(const Certificate& own, std::string_view content) const {
  return sign_pkcs7_detached(*key_->pkey, own, content);
}

Result<Certificate> PrivateKey::self_sign(const CertificateRequest& request) const {
  return build_certificate({request, *key_->pkey, *key_->pkey, nullptr});
}

Result<Certificate> PrivateKey::issue(const CertificateRequest& request,
                                      const PrivateKey& subject_key,
                                      const Certificate& issuer) const {
  return build_certificate({request, *subject_key.key_->pkey, *key_->pkey, &issuer});
}

}  // namespace mosb::trust
