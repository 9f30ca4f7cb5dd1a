#include "tests/trust/revocations.h"

#include <ctime>
#include <memory>

#include "tests/trust/vectors.h"

namespace mosb::test {

namespace {

using CrlPtr = std::unique_ptr<X509_CRL, trust::OpensslFree<X509_CRL_free>>;
using IntegerPtr = std::unique_ptr<ASN1_INTEGER, trust::OpensslFree<ASN1_INTEGER_free>>;
using TimePtr = std::unique_ptr<ASN1_TIME, trust::OpensslFree<ASN1_TIME_free>>;
using GeneralizedTimePtr =
    std::unique_ptr<ASN1_GENERALIZEDTIME, trust::OpensslFree<ASN1_GENERALIZEDTIME_free>>;

const SystemTime kThisUpdate = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);

void require(bool condition, const char* what) {
  if (!condition) {
    stop(Error(Errc::kInternal, std::string(what) + ": " + trust::take_openssl_error()));
  }
}

std::time_t seconds_of(SystemTime time) {
  return static_cast<std::time_t>(time.time_since_epoch().count());
}

TimePtr asn1_time(SystemTime time) {
  return TimePtr(ASN1_TIME_set(nullptr, seconds_of(time)));
}

GeneralizedTimePtr generalized_time(SystemTime time) {
  return GeneralizedTimePtr(ASN1_GENERALIZEDTIME_set(nullptr, seconds_of(time)));
}

IntegerPtr integer(long value) {
  IntegerPtr made(ASN1_INTEGER_new());
  require(ASN1_INTEGER_set(made.get(), value) == 1, "number");
  return made;
}

/// A critical extension that nobody knows.
trust::X509ExtensionPtr unknown_extension() {
  const std::unique_ptr<ASN1_OBJECT, trust::OpensslFree<ASN1_OBJECT_free>> oid(
      OBJ_txt2obj("1.2.3.4.5", 1));
  const std::unique_ptr<ASN1_OCTET_STRING, trust::OpensslFree<ASN1_OCTET_STRING_free>> value(
      ASN1_OCTET_STRING_new());
  const std::string null("\x05\x00", 2);
  ASN1_OCTET_STRING_set(
      value.get(), reinterpret_cast<const unsigned char*>(null.data()), int(null.size()));
  return trust::X509ExtensionPtr(X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 1, value.get()));
}

void add_entry(X509_CRL& crl, const RevokedRecipe& recipe) {
  X509_REVOKED* const entry = X509_REVOKED_new();
  require(X509_REVOKED_set_serialNumber(entry,
                                        X509_get_serialNumber(recipe.identity->x509.get())) == 1 &&
              X509_REVOKED_set_revocationDate(entry, asn1_time(recipe.revoked_at).get()) == 1,
          "entry");
  if (recipe.reason) {
    const std::unique_ptr<ASN1_ENUMERATED, trust::OpensslFree<ASN1_ENUMERATED_free>> reason(
        ASN1_ENUMERATED_new());
    ASN1_ENUMERATED_set(reason.get(), *recipe.reason);
    require(X509_REVOKED_add1_ext_i2d(
                entry, NID_crl_reason, reason.get(), recipe.critical ? 1 : 0, 0) == 1,
            "reason");
  }
  if (recipe.invalid_since) {
    require(X509_REVOKED_add1_ext_i2d(entry,
                                      NID_invalidity_date,
                                      generalized_time(*recipe.invalid_since).get(),
                                      recipe.critical ? 1 : 0,
                                      0) == 1,
            "invalidity date");
  }
  if (recipe.unknown_critical) {
    require(X509_REVOKED_add_ext(entry, unknown_extension().get(), -1) == 1, "extension");
  }
  for (const auto& [nid, value] : recipe.extensions) {
    const trust::X509ExtensionPtr extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
    require(extension && X509_REVOKED_add_ext(entry, extension.get(), -1) == 1, value.c_str());
  }
  require(X509_CRL_add0_revoked(&crl, entry) == 1, "add");
}

void add_extensions(X509_CRL& crl, const CrlRecipe& recipe) {
  if (recipe.number) {
    require(X509_CRL_add1_ext_i2d(&crl, NID_crl_number, integer(*recipe.number).get(), 0, 0) == 1,
            "number");
  }
  if (recipe.delta_base) {
    require(
        X509_CRL_add1_ext_i2d(&crl, NID_delta_crl, integer(*recipe.delta_base).get(), 1, 0) == 1,
        "base");
  }
  X509V3_CTX context{};
  X509V3_set_ctx(&context, recipe.issuer->x509.get(), nullptr, nullptr, &crl, 0);
  for (const auto& [nid, value] : recipe.extensions) {
    if (nid == NID_undef) {
      require(X509_CRL_add_ext(&crl, unknown_extension().get(), -1) == 1, "extension");
      continue;
    }
    const trust::X509ExtensionPtr extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    require(extension && X509_CRL_add_ext(&crl, extension.get(), -1) == 1, value.c_str());
  }
}

}  // namespace

std::string make_crl(const CrlRecipe& recipe) {
  const CrlPtr crl(X509_CRL_new());
  const Identity& signer = recipe.key_of == nullptr ? *recipe.issuer : *recipe.key_of;
  require(X509_CRL_set_version(crl.get(), 1) == 1 &&
              X509_CRL_set_issuer_name(crl.get(),
                                       X509_get_subject_name(recipe.issuer->x509.get())) == 1 &&
              X509_CRL_set1_lastUpdate(crl.get(), asn1_time(kThisUpdate).get()) == 1,
          "begin");
  if (recipe.next_update) {
    require(X509_CRL_set1_nextUpdate(crl.get(), asn1_time(*recipe.next_update).get()) == 1,
            "next update");
  }
  for (const RevokedRecipe& revoked : recipe.revoked) {
    add_entry(*crl, revoked);
  }
  add_extensions(*crl, recipe);
  require(X509_CRL_sign(crl.get(), signer.key.get(), recipe.hash) > 0, "sign");
  return encode(crl.get(), i2d_X509_CRL);
}

std::string make_ocsp_response(const OcspRecipe& recipe) {
  const std::unique_ptr<OCSP_BASICRESP, trust::OpensslFree<OCSP_BASICRESP_free>> basic(
      OCSP_BASICRESP_new());
  const std::unique_ptr<OCSP_CERTID, trust::OpensslFree<OCSP_CERTID_free>> id(
      OCSP_cert_to_id(EVP_sha1(), recipe.certificate->x509.get(), recipe.issuer->x509.get()));
  const TimePtr from = asn1_time(kThisUpdate);
  const TimePtr until = recipe.next_update ? asn1_time(*recipe.next_update) : nullptr;
  OCSP_SINGLERESP* const single = OCSP_basic_add1_status(
      basic.get(), id.get(), recipe.status, 0, from.get(), from.get(), until.get());
  require(single != nullptr, "status");
  if (recipe.invalid_since) {
    require(
        OCSP_SINGLERESP_add1_ext_i2d(
            single, NID_invalidity_date, generalized_time(*recipe.invalid_since).get(), 0, 0) == 1,
        "invalidity date");
  }
  if (recipe.unknown_critical) {
    require(OCSP_SINGLERESP_add_ext(single, unknown_extension().get(), -1) == 1, "extension");
  }
  if (recipe.odd_date) {
    const trust::X509ExtensionPtr date(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_invalidity_date, "DER:0500"));
    require(date && OCSP_SINGLERESP_add_ext(single, date.get(), -1) == 1, "odd date");
  }
  const Identity& signer = recipe.signer == nullptr ? *recipe.issuer : *recipe.signer;
  require(OCSP_basic_sign(basic.get(),
                          signer.x509.get(),
                          signer.key.get(),
                          recipe.hash,
                          nullptr,
                          recipe.holds_signer ? 0 : OCSP_NOCERTS) == 1,
          "sign");
  const std::unique_ptr<OCSP_RESPONSE, trust::OpensslFree<OCSP_RESPONSE_free>> response(
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
  require(response != nullptr, "response");
  return encode(response.get(), i2d_OCSP_RESPONSE);
}

}  // namespace mosb::test
