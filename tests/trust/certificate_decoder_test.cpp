#include <functional>
#include <memory>

#include <catch2/catch.hpp>

#include "mosb/trust/certificate.h"
#include "mosb/trust/x509_der.h"
#include "tests/trust/pki.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::der;
using test::must;

Result<Certificate> decode(const std::string& bytes) {
  return Certificate::from_der(as_bytes(bytes));
}

std::string oid(int nid) {
  return test::encode(OBJ_nid2obj(nid), i2d_ASN1_OBJECT);
}
std::string algorithm(int nid, const std::string& parameters = "") {
  return der(0x30, oid(nid) + parameters);
}

/// A certificate that says it is signed with another algorithm than it is.
bool is_strong(const std::string& text) {
  const test::Identity made = test::make_identity({"odd"});
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const std::unique_ptr<X509_ALGOR, OpensslFree<X509_ALGOR_free>> wanted(
      d2i_X509_ALGOR(nullptr, &at, static_cast<long>(text.size())));
  REQUIRE(wanted);
  const X509_ALGOR* said = nullptr;
  X509_get0_signature(nullptr, &said, made.x509.get());
  REQUIRE(X509_ALGOR_copy(const_cast<X509_ALGOR*>(said), wanted.get()) == 1);
  return must(decode(test::encode(made.x509.get(), i2d_X509))).fields().strong_signature;
}

TEST_CASE("a certificate's own signature is RSA, RSA-PSS as long as its hash, or ECDSA, with SHA-2",
          "[trust]") {
  const auto pss = [](int hash, int mask_hash, char salt) {
    return algorithm(
        NID_rsassaPss,
        der(0x30,
            der(0xa0, algorithm(hash)) + der(0xa1, algorithm(NID_mgf1, algorithm(mask_hash))) +
                der(0xa2, der(0x02, std::string(1, salt)))));
  };
  for (const std::string& good : {algorithm(NID_sha256WithRSAEncryption, der(0x05, "")),
                                  algorithm(NID_sha384WithRSAEncryption, der(0x05, "")),
                                  algorithm(NID_sha512WithRSAEncryption, der(0x05, "")),
                                  algorithm(NID_ecdsa_with_SHA256),
                                  algorithm(NID_ecdsa_with_SHA384),
                                  algorithm(NID_ecdsa_with_SHA512),
                                  pss(NID_sha256, NID_sha256, 32),
                                  pss(NID_sha384, NID_sha384, 48),
                                  pss(NID_sha512, NID_sha512, 64)}) {
    CHECK(is_strong(good));
  }
  for (const std::string& bad : {algorithm(NID_sha1WithRSAEncryption, der(0x05, "")),
                                 algorithm(NID_sha224WithRSAEncryption, der(0x05, "")),
                                 algorithm(NID_ecdsa_with_SHA1),
                                 algorithm(NID_dsa_with_SHA256),
                                 algorithm(NID_ED25519),
                                 algorithm(NID_commonName),
                                 algorithm(NID_rsassaPss),
                                 pss(NID_sha256, NID_sha256, 20),
                                 pss(NID_sha256, NID_sha1, 32),
                                 pss(NID_sha1, NID_sha1, 20)}) {
    CHECK_FALSE(is_strong(bad));
  }
}

TEST_CASE("a certificate with an extension that does not decode, or stands twice, is refused",
          "[trust]") {
  REQUIRE(decode(test::make_certificate({.name = "odd"})));
  for (const int nid : {NID_basic_constraints,
                        NID_key_usage,
                        NID_ext_key_usage,
                        NID_info_access,
                        NID_crl_distribution_points}) {
    INFO(OBJ_nid2ln(nid));
    const auto decoded =
        decode(test::make_certificate({.name = "odd", .extensions = {{nid, "DER:0201"}}}));
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code() == Errc::kSignature);
  }
  for (const auto& [nid, value] : {std::pair(NID_basic_constraints, "critical,CA:FALSE"),
                                   std::pair(NID_key_usage, "digitalSignature"),
                                   std::pair(NID_ext_key_usage, "codeSigning"),
                                   std::pair(NID_info_access, "OCSP;URI:http://a"),
                                   std::pair(NID_crl_distribution_points, "URI:http://a")}) {
    INFO(OBJ_nid2ln(nid));
    CHECK(decode(test::make_certificate({.name = "odd", .extensions = {{nid, value}}})));
    CHECK_FALSE(decode(
        test::make_certificate({.name = "odd", .extensions = {{nid, value}, {nid, value}}})));
  }
  // A path length below zero, and one that no number here can hold.
  for (const char* const value :
       {"DER:30:06:01:01:FF:02:01:FF", "DER:30:0E:01:01:FF:02:09:01:00:00:00:00:00:00:00:00"}) {
    CHECK_FALSE(decode(
        test::make_certificate({.name = "odd", .extensions = {{NID_basic_constraints, value}}})));
  }
}

TEST_CASE("a certificate whose time is none is refused", "[trust]") {
  for (const bool first : {true, false}) {
    const test::Identity made = test::make_identity({"odd"});
    ASN1_TIME* const time =
        first ? X509_getm_notBefore(made.x509.get()) : X509_getm_notAfter(made.x509.get());
    REQUIRE(ASN1_STRING_set(time, "garbage", 7) == 1);
    REQUIRE(X509_sign(made.x509.get(), made.key.get(), EVP_sha256()) > 0);
    CHECK_FALSE(decode(test::encode(made.x509.get(), i2d_X509)));
  }
}

TEST_CASE("of uses that a signer must not have the first one is named", "[trust]") {
  const auto forbidden = [](const char* usage) {
    return test::make_identity({.name = "odd", .extensions = {{NID_key_usage, usage}}})
        .certificate.fields()
        .key_usage->forbidden_for_signing;
  };
  CHECK(forbidden("digitalSignature,nonRepudiation").empty());
  CHECK(forbidden("keyEncipherment,cRLSign") == "keyEncipherment");
  CHECK(forbidden("digitalSignature,keyCertSign,cRLSign") == "keyCertSign");
  CHECK(forbidden("keyAgreement,decipherOnly") == "keyAgreement");
}

TEST_CASE("servers to ask are URLs of OCSP responders and of CRLs, and nothing else", "[trust]") {
  const auto fields = [](const test::Extensions& extensions) {
    return test::make_identity({.name = "odd", .extensions = extensions}).certificate.fields();
  };
  CHECK_FALSE(fields({}).has_revocation_url());
  CHECK_FALSE(fields({}).has_freshest_crl);
  CHECK(fields({{NID_info_access, "OCSP;URI:http://a,OCSP;URI:http://b"}}).ocsp_urls ==
        std::vector<std::string>{"http://a", "http://b"});
  CHECK_FALSE(fields({{NID_info_access, "caIssuers;URI:http://a"}}).has_revocation_url());
  CHECK_FALSE(fields({{NID_info_access, "OCSP;DNS:a"}}).has_revocation_url());
  // The first extension of all counts, too.
  CHECK(fields({{NID_freshest_crl, "URI:http://a"}}).has_freshest_crl);
}

/// The values of a subject's attributes, "-" for one that is not understood.
std::vector<std::string> values(const std::function<void(X509_NAME*)>& fill) {
  const test::Identity made = test::make_identity({"odd"});
  X509_NAME* const name = X509_get_subject_name(made.x509.get());
  while (X509_NAME_entry_count(name) > 0) {
    X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, 0));
  }
  fill(name);
  REQUIRE(X509_sign(made.x509.get(), made.key.get(), EVP_sha256()) > 0);
  std::vector<std::string> out;
  const Certificate decoded = must(decode(test::encode(made.x509.get(), i2d_X509)));
  for (const SubjectAttribute& attribute : decoded.fields().subject_attributes) {
    out.push_back(attribute.value.value_or("-"));
  }
  return out;
}

TEST_CASE("a name's values are read in the string types that names have, and in no other",
          "[trust]") {
  const auto value = [](int type, const std::string& bytes) {
    return values([&](X509_NAME* name) {
      REQUIRE(X509_NAME_add_entry_by_NID(name,
                                         NID_commonName,
                                         type,
                                         reinterpret_cast<const unsigned char*>(bytes.data()),
                                         static_cast<int>(bytes.size()),
                                         -1,
                                         0) == 1);
    });
  };
  const auto is = [](const std::string& text) { return std::vector<std::string>{text}; };
  for (const int type :
       {V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, V_ASN1_IA5STRING, V_ASN1_NUMERICSTRING}) {
    CHECK(value(type, "12") == is("12"));
  }
  CHECK(value(V_ASN1_UTF8STRING, "") == is(""));
  CHECK(value(V_ASN1_BMPSTRING, std::string("\0A\0\xe9", 4)) == is("A\xc3\xa9"));
  CHECK(value(V_ASN1_T61STRING, "12") == is("-"));
  CHECK(value(V_ASN1_UNIVERSALSTRING, std::string("\0\0\0A", 4)) == is("-"));
}

}  // namespace
}  // namespace mosb::trust
