#include "mosb/trust/asn1_values.h"

#include <memory>

#include <catch2/catch.hpp>

#include "mosb/base/rfc3339.h"
#include "tests/trust/pki.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::der;

std::string oid(int nid) {
  return test::encode(OBJ_nid2obj(nid), i2d_ASN1_OBJECT);
}
std::string algorithm(int nid, const std::string& parameters = "") {
  return der(0x30, oid(nid) + parameters);
}

/// RSASSA-PSS-params that name a hash for both uses.
std::string pss(int hash) {
  return der(0xa0, algorithm(hash)) + der(0xa1, algorithm(NID_mgf1, algorithm(hash))) +
         der(0xa2, der(0x02, std::string(1, 32)));
}

bool is_strong(const std::string& text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const std::unique_ptr<X509_ALGOR, OpensslFree<X509_ALGOR_free>> parsed(
      d2i_X509_ALGOR(nullptr, &at, static_cast<long>(text.size())));
  REQUIRE(parsed);
  return is_strong_signature(*parsed);
}

TEST_CASE("signatures of CRLs and OCSP responses are RSA, RSA-PSS or ECDSA with SHA-2", "[trust]") {
  const std::string null = der(0x05, "");
  for (const int nid :
       {NID_sha256WithRSAEncryption, NID_sha384WithRSAEncryption, NID_sha512WithRSAEncryption}) {
    CHECK(is_strong(algorithm(nid, null)));
  }
  for (const int nid : {NID_ecdsa_with_SHA256, NID_ecdsa_with_SHA384, NID_ecdsa_with_SHA512}) {
    CHECK(is_strong(algorithm(nid)));
  }
  for (const int hash : {NID_sha256, NID_sha384, NID_sha512}) {
    CHECK(is_strong(algorithm(NID_rsassaPss, der(0x30, pss(hash)))));
  }
  for (const int nid : {NID_sha1WithRSAEncryption,
                        NID_sha224WithRSAEncryption,
                        NID_ecdsa_with_SHA1,
                        NID_dsa_with_SHA256,
                        NID_ED25519,
                        NID_sha256,
                        NID_rsaEncryption}) {
    INFO(OBJ_nid2sn(nid));
    CHECK_FALSE(is_strong(algorithm(nid)));
  }
  // PSS without parameters, with others than they should be, and with the hash that none means
  for (const std::string& parameters : {std::string(),
                                        null,
                                        der(0x04, der(0x30, pss(NID_sha256))),
                                        der(0x04, pss(NID_sha256)),
                                        der(0x30, "garbage"),
                                        der(0x30, ""),
                                        der(0x30, pss(NID_sha1)),
                                        der(0x30, pss(NID_sha224))}) {
    CHECK_FALSE(is_strong(algorithm(NID_rsassaPss, parameters)));
  }
}

TEST_CASE("a time that is none is refused", "[trust]") {
  const std::unique_ptr<ASN1_TIME, OpensslFree<ASN1_TIME_free>> time(ASN1_TIME_new());
  const auto decoded = [&](const std::string& text) {
    REQUIRE(ASN1_STRING_set(time.get(), text.data(), static_cast<int>(text.size())) == 1);
    time->type = V_ASN1_GENERALIZEDTIME;
    return decode_asn1_time(time.get());
  };
  CHECK(to_rfc3339(test::must(decoded("20261122120000Z"))) == "2026-11-22T12:00:00Z");
  for (const char* const text : {"", "garbage", "20261322120000Z"}) {
    CHECK_FALSE(decoded(text));
  }
}

TEST_CASE("of distribution points the URLs of full names are taken, and nothing else", "[trust]") {
  const auto full_name = [](const std::string& names) { return der(0xa0, der(0xa0, names)); };
  const auto point = [](const std::string& content) { return der(0x30, content); };
  const std::string relative =
      der(0xa0, der(0xa1, der(0x30, oid(NID_commonName) + der(0x0c, "relative"))));
  const std::string text =
      der(0x30,
          point(full_name(der(0x86, "http://a") + der(0x82, "a name"))) +
              // only reasons, or only an issuer
              point(der(0x81, std::string("\x01\x06", 2))) + point(der(0xa2, der(0x82, "issuer"))) +
              point(relative) + point(full_name(der(0x82, "b name") + der(0x86, "http://b"))));
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const CrlDistPointsPtr points(d2i_CRL_DIST_POINTS(nullptr, &at, static_cast<long>(text.size())));
  REQUIRE(points);
  CHECK(distribution_urls(points.get()) == std::vector<std::string>{"http://a", "http://b"});
  CHECK(distribution_urls(nullptr).empty());
}

}  // namespace
}  // namespace mosb::trust
