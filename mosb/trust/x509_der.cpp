#include "mosb/trust/x509_der.h"

namespace mosb::trust {

X509Ptr to_x509(const Certificate& certificate) {
  const auto* der = reinterpret_cast<const unsigned char*>(certificate.der().data());
  return X509Ptr(d2i_X509(nullptr, &der, static_cast<long>(certificate.der().size())));
}

Result<Certificate> from_x509(const X509& x509) {
  const int length = i2d_X509(&x509, nullptr);
  Bytes der(length > 0 ? static_cast<std::size_t>(length) : 0);
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  if (length <= 0 || i2d_X509(&x509, &out) != length) {
    return Error(Errc::kSignature, "a certificate that cannot be encoded: " + take_openssl_error());
  }
  return Certificate::from_der(der);
}

}  // namespace mosb::trust
