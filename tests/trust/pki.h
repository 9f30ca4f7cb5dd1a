#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mosb/base/clock.h"
#include "mosb/trust/certificate.h"
#include "mosb/trust/openssl_handles.h"

namespace mosb::test {

/// A certificate and its key, made by OpenSSL for one test.
struct Identity {
  trust::X509Ptr x509;
  trust::EvpPkeyPtr key;
  trust::Certificate certificate;
};

/// What a certificate says. Unlike mosb's own, it may be anything that OpenSSL can encode.
struct IdentityRecipe {
  std::string name;
  /// nullptr: self-signed.
  const Identity* issuer = nullptr;
  /// Number of the extension, and its value as in openssl.cnf.
  std::vector<std::pair<int, std::string>> extensions = {};
  SystemTime not_before = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
  SystemTime not_after = std::chrono::sys_days(std::chrono::year(2040) / 1 / 1);
  std::string curve = "P-256";
  /// A serial number of so many bits instead of a small one.
  int serial_bits = 0;
  /// The common name that it says its issuer has; nullopt: the one of who signs it.
  std::optional<std::string> issuer_name = {};
  /// nullptr: a new one.
  const Identity* key_of = nullptr;
  /// An RSA key of so many bits instead of one on a curve.
  unsigned rsa_bits = 0;
};
/// Also where mosb does not take it for a certificate.
std::string make_certificate(const IdentityRecipe& recipe);
Identity make_identity(const IdentityRecipe& recipe);

using Extensions = std::vector<std::pair<int, std::string>>;
/// Extensions of a certificate authority.
Extensions ca_extensions();
/// Extensions of a signing certificate and of a timestamping authority's.
Extensions code_signing_extensions();
Extensions timestamping_extensions();
/// The same with one set to another value, or without it if `value` is "".
Extensions with(Extensions extensions, int nid, const std::string& value);

/// One DER element: a tag octet and what is in it.
std::string der(unsigned char tag, const std::string& content);
/// An OpenSSL object's DER, by its i2d function.
template <class T, class Encode>
std::string encode(const T* object, Encode i2d) {
  unsigned char* bytes = nullptr;
  const int length = i2d(object, &bytes);
  std::string text(reinterpret_cast<const char*>(bytes), length > 0 ? std::size_t(length) : 0);
  OPENSSL_free(bytes);
  return text;
}

}  // namespace mosb::test
