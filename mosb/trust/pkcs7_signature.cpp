#include "mosb/trust/pkcs7_signature.h"

#include <memory>
#include <string>

#include <openssl/pkcs7.h>

#include "mosb/trust/openssl_handles.h"
#include "mosb/trust/x509_der.h"

namespace mosb::trust {

namespace {

using Pkcs7Ptr = std::unique_ptr<PKCS7, OpensslFree<PKCS7_free>>;

void free_bytes(unsigned char* bytes) {
  OPENSSL_free(bytes);
}

Error failure(const std::string& what) {
  return Error(Errc::kContent, what + ": " + take_openssl_error());
}

}  // namespace

Result<Bytes> sign_pkcs7_detached(EVP_PKEY& key,
                                  const Certificate& certificate,
                                  std::string_view content) {
  if (EVP_PKEY_get_base_id(&key) != EVP_PKEY_RSA) {
    return Error(Errc::kContent, "the key is not RSA, which alone signs the same way each time");
  }
  const X509Ptr named = to_x509(certificate);
  const BioPtr data(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  constexpr int kFlags = PKCS7_DETACHED | PKCS7_BINARY | PKCS7_NOATTR | PKCS7_NOCERTS;
  const Pkcs7Ptr message(
      named && data ? PKCS7_sign(nullptr, nullptr, nullptr, data.get(), kFlags | PKCS7_PARTIAL)
                    : nullptr);
  // With a certificate of another key there is no signer.
  if (!message ||
      PKCS7_sign_add_signer(message.get(), named.get(), &key, EVP_sha256(), kFlags) == nullptr ||
      PKCS7_final(message.get(), data.get(), kFlags) != 1) {
    return failure("sign with the certificate and its key");
  }
  unsigned char* bytes = nullptr;
  const int size = i2d_PKCS7(message.get(), &bytes);
  if (size <= 0) {
    return failure("write the signature");
  }
  const std::unique_ptr<unsigned char, OpensslFree<free_bytes>> owned(bytes);
  const auto view = std::as_bytes(std::span(bytes, static_cast<std::size_t>(size)));
  return Bytes(view.begin(), view.end());
}

}  // namespace mosb::trust
