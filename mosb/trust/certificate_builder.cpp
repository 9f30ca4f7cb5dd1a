#include "mosb/trust/certificate_builder.h"

#include <array>
#include <cstdint>
#include <ctime>

#include "mosb/trust/x509_der.h"

namespace mosb::trust {

namespace {

Error failed(const std::string& what) {
  return Error(Errc::kInternal, "make a certificate: " + what + ": " + take_openssl_error());
}

Status add_attribute(X509_NAME& name, const char* type, const std::string& value) {
  if (X509_NAME_add_entry_by_txt(&name,
                                 type,
                                 MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(value.data()),
                                 static_cast<int>(value.size()),
                                 -1,
                                 0) != 1) {
    return Error(Errc::kUsage,
                 std::string("subject attribute ") + type + ": " + take_openssl_error());
  }
  return ok();
}

Status set_subject(X509& x509, const CertificateRequest& request) {
  X509_NAME* const name = X509_get_subject_name(&x509);
  MOSB_CHECK(add_attribute(*name, "C", request.country));
  MOSB_CHECK(add_attribute(*name, "ST", request.state));
  MOSB_CHECK(add_attribute(*name, "O", request.organization));
  return add_attribute(*name, "CN", request.common_name);
}

/// 126 random bits: positive and unique without a register. Spec: RFC 5280 §4.1.2.2.
bool set_serial(X509& x509) {
  const BignumPtr number(BN_new());
  return number && BN_rand(number.get(), 126, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&x509)) != nullptr;
}

bool set_time(ASN1_TIME* field, SystemTime time) {
  return ASN1_TIME_set(field, static_cast<std::time_t>(time.time_since_epoch().count())) != nullptr;
}

/// `issuer` is the certificate itself if it is self-signed.
Status add_extension(X509& x509, X509& issuer, int nid, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, &issuer, &x509, nullptr, nullptr, 0);
  const X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (!extension || X509_add_ext(&x509, extension.get(), -1) != 1) {
    return failed(OBJ_nid2sn(nid));
  }
  return ok();
}

/// Spec: Notary Project "Certificate requirements".
Status add_extensions(X509& x509, X509& issuer, CertificateRequest::Use use) {
  const bool root = use == CertificateRequest::Use::kRootCa;
  MOSB_CHECK(add_extension(
      x509, issuer, NID_basic_constraints, root ? "critical,CA:TRUE" : "critical,CA:FALSE"));
  MOSB_CHECK(add_extension(x509,
                           issuer,
                           NID_key_usage,
                           root ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"));
  if (!root) {
    MOSB_CHECK(add_extension(x509, issuer, NID_ext_key_usage, "codeSigning"));
  }
  MOSB_CHECK(add_extension(x509, issuer, NID_subject_key_identifier, "hash"));
  return add_extension(x509, issuer, NID_authority_key_identifier, "keyid:always");
}

const EVP_MD* hash_for(EVP_PKEY& key) {
  const int bits = EVP_PKEY_get_security_bits(&key);
  return bits > 192 ? EVP_sha512() : bits > 128 ? EVP_sha384() : EVP_sha256();
}

}  // namespace

Result<Certificate> build_certificate(const CertificateOrder& order) {
  constexpr long kVersion3 = 2;
  const X509Ptr x509(X509_new());
  const X509Ptr parent = order.issuer == nullptr ? X509Ptr() : to_x509(*order.issuer);
  if (!x509 || (order.issuer != nullptr && !parent)) {
    return failed("begin");
  }
  X509& issuer = parent ? *parent : *x509;
  MOSB_CHECK(set_subject(*x509, order.request));
  if (X509_set_version(x509.get(), kVersion3) != 1 || !set_serial(*x509) ||
      !set_time(X509_getm_notBefore(x509.get()), order.request.not_before) ||
      !set_time(X509_getm_notAfter(x509.get()), order.request.not_after) ||
      X509_set_issuer_name(x509.get(), X509_get_subject_name(&issuer)) != 1 ||
      X509_set_pubkey(x509.get(), &order.subject_key) != 1) {
    return failed("fill");
  }
  MOSB_CHECK(add_extensions(*x509, issuer, order.request.use));
  if (X509_sign(x509.get(), &order.issuer_key, hash_for(order.issuer_key)) <= 0) {
    return failed("sign");
  }
  return from_x509(*x509).as(Errc::kInternal);
}

}  // namespace mosb::trust
