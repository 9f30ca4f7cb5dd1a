#include "mosb/trust/cert_chain.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "mosb/trust/private_key.h"
#include "tests/trust/pki.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using std::chrono::seconds;
using test::must;

std::vector<Certificate> chain_of(const std::string& file) {
  return must(Certificate::from_file_bytes(test::notation_file("pki/" + file)));
}

TEST_CASE("real chains of every key kind are accepted", "[trust]") {
  for (const char* const kind : {"rsa2048", "rsa3072", "rsa4096", "ec256", "ec384", "ec521"}) {
    INFO(kind);
    const auto chain = chain_of(std::string("chain-") + kind + ".pem");
    CHECK(chain.size() >= 2);
    CHECK(check_code_signing_chain(chain));
  }
}

TEST_CASE("a chain must be whole, in order and alone", "[trust]") {
  const auto good = chain_of("chain-rsa2048.pem");
  auto reversed = good;
  std::reverse(reversed.begin(), reversed.end());
  auto doubled_root = good;
  doubled_root.push_back(good.back());
  auto without_root = good;
  without_root.pop_back();
  const std::vector<Certificate> root_only{good.back()};
  for (const auto& chain : {std::vector<Certificate>(),
                            reversed,
                            doubled_root,
                            without_root,
                            root_only,
                            std::vector<Certificate>(kMaxChainLength + 1, good.front())}) {
    const auto status = check_code_signing_chain(chain);
    REQUIRE_FALSE(status);
    CHECK(status.error().code() == Errc::kSignature);
  }
}

TEST_CASE("SHA-1 anywhere in a chain is refused, in a root's own signature too", "[trust]") {
  for (const char* const file : {"chain-sha1.pem", "chain-sha1root.pem"}) {
    const auto status = check_code_signing_chain(chain_of(file));
    REQUIRE_FALSE(status);
    CHECK(status.error().message().find("SHA-256") != std::string::npos);
  }
}

TEST_CASE("both ends of a validity period belong to it", "[trust]") {
  const auto chain = std::vector<Certificate>{chain_of("root.crt").front()};
  const CertificateFields& fields = chain.front().fields();
  CHECK(check_validity(chain, fields.not_before));
  CHECK(check_validity(chain, fields.not_after));
  CHECK_FALSE(check_validity(chain, fields.not_before - seconds(1)));
  CHECK_FALSE(check_validity(chain, fields.not_after + seconds(1)));
}

TEST_CASE("a certificate that was changed by one bit is refused or is not signed by its issuer",
          "[trust]") {
  const auto chain = chain_of("chain-ec256.pem");
  const Bytes& der = chain.front().der();
  for (std::size_t i = 0; i < der.size(); ++i) {
    Bytes changed = der;
    changed[i] ^= std::byte{1};
    const auto certificate = Certificate::from_der(changed);
    if (certificate) {
      INFO("byte " << i);
      CHECK_FALSE(certificate->check_signed_by(chain[1]));
    }
  }
}

TEST_CASE("a certificate with anything behind it or cut off is malformed", "[trust]") {
  Bytes der = chain_of("root.crt").front().der();
  der.push_back(std::byte{0});
  CHECK_FALSE(Certificate::from_der(der));
  der.resize(der.size() - 2);
  CHECK_FALSE(Certificate::from_der(der));
  CHECK_FALSE(Certificate::from_der({}));
}

TEST_CASE("a certificate in BER that is not DER is malformed", "[trust]") {
  // The outer length in four bytes instead of three: the same certificate to a lenient reader.
  Bytes der = chain_of("root.crt").front().der();
  REQUIRE(der[1] == std::byte{0x82});
  der[1] = std::byte{0x83};
  der.insert(der.begin() + 2, std::byte{0});
  const auto certificate = Certificate::from_der(der);
  REQUIRE_FALSE(certificate);
  CHECK(certificate.error().code() == Errc::kSignature);
}

TEST_CASE("a certificate whose signature ends in bits that do not count is malformed", "[trust]") {
  // DER wants the bits beyond a bit string's end to be zero; its length is the same otherwise.
  const test::Identity made = test::make_identity({"odd"});
  const ASN1_BIT_STRING* signature = nullptr;
  X509_get0_signature(&signature, nullptr, made.x509.get());
  Bytes der = made.certificate.der();
  std::byte& unused = der[der.size() - std::size_t(ASN1_STRING_length(signature)) - 1];
  REQUIRE(unused == std::byte{0});
  unused = std::byte{1};
  der.back() &= std::byte{0xfe};
  CHECK(Certificate::from_der(der));
  der.back() |= std::byte{1};
  const auto certificate = Certificate::from_der(der);
  REQUIRE_FALSE(certificate);
  CHECK(certificate.error().message().find("not in DER") != std::string::npos);
}

TEST_CASE("a subject is read as notation reads it", "[trust]") {
  const auto name = must(subject_name(chain_of("chain-rsa2048.pem").front()));
  CHECK(name.attributes() == std::map<std::string, std::string>{{"C", "US"},
                                                                {"ST", "WA"},
                                                                {"L", "Seattle"},
                                                                {"O", "mosb vectors"},
                                                                {"OU", "signing"},
                                                                {"CN", "signer rsa2048"}});
}

TEST_CASE("a signature counts for its own algorithm, message and key only", "[trust]") {
  const PrivateKey key = must(PrivateKey::generate(SignatureAlgorithm::kEs256));
  const PrivateKey other = must(PrivateKey::generate(SignatureAlgorithm::kEs256));
  const CertificateRequest request{"XX",
                                   "none",
                                   "test",
                                   "signer",
                                   test::vector_clock().now(),
                                   test::vector_clock().now() + seconds(1000),
                                   CertificateRequest::Use::kCodeSigning};
  const Certificate certificate = must(key.self_sign(request));
  CHECK(check_code_signing_chain({certificate}));
  const Bytes signature = must(key.sign(as_bytes("message")));
  CHECK(signature.size() == 64);
  const auto check = [&](SignatureAlgorithm algorithm, const char* message, const Bytes& bytes) {
    return certificate.check_signature(algorithm, as_bytes(message), bytes).has_value();
  };
  CHECK(check(SignatureAlgorithm::kEs256, "message", signature));
  CHECK_FALSE(check(SignatureAlgorithm::kEs384, "message", signature));
  CHECK_FALSE(check(SignatureAlgorithm::kPs256, "message", signature));
  CHECK_FALSE(check(SignatureAlgorithm::kEs256, "massage", signature));
  CHECK_FALSE(check(SignatureAlgorithm::kEs256, "message", must(other.sign(as_bytes("message")))));
  CHECK_FALSE(check(SignatureAlgorithm::kEs256, "message", Bytes(64)));
  CHECK_FALSE(check(SignatureAlgorithm::kEs256, "message", {}));
}

TEST_CASE("a signer's name that cannot be compared with identities is refused", "[trust]") {
  CHECK(subject_name(test::make_identity({"plain"}).certificate));
  CHECK_FALSE(subject_name(test::make_identity({"a=#b"}).certificate));
  const test::Identity odd = test::make_identity({"odd"});
  REQUIRE(X509_NAME_add_entry_by_NID(X509_get_subject_name(odd.x509.get()),
                                     NID_organizationalUnitName,
                                     V_ASN1_T61STRING,
                                     reinterpret_cast<const unsigned char*>("x"),
                                     1,
                                     -1,
                                     0) == 1);
  REQUIRE(X509_sign(odd.x509.get(), odd.key.get(), EVP_sha256()) > 0);
  const std::string der = test::encode(odd.x509.get(), i2d_X509);
  CHECK_FALSE(subject_name(test::must(Certificate::from_der(as_bytes(der)))));
}

TEST_CASE("of several common names or serial numbers in a signer's name the last one counts",
          "[trust]") {
  /// A certificate whose name has two attributes of that kind more, "first" and "last".
  const auto name_with = [](int nid) {
    const test::Identity made = test::make_identity({"plain"});
    for (const char* const value : {"first", "last"}) {
      REQUIRE(X509_NAME_add_entry_by_NID(X509_get_subject_name(made.x509.get()),
                                         nid,
                                         V_ASN1_UTF8STRING,
                                         reinterpret_cast<const unsigned char*>(value),
                                         -1,
                                         -1,
                                         0) == 1);
    }
    REQUIRE(X509_sign(made.x509.get(), made.key.get(), EVP_sha256()) > 0);
    const std::string der = test::encode(made.x509.get(), i2d_X509);
    return subject_name(must(Certificate::from_der(as_bytes(der))));
  };
  CHECK(must(name_with(NID_commonName)).attributes().at("CN") == "last");
  CHECK(must(name_with(NID_serialNumber)).attributes().at("SERIALNUMBER") == "last");
  for (const int nid : {NID_countryName,
                        NID_organizationName,
                        NID_organizationalUnitName,
                        NID_localityName,
                        NID_stateOrProvinceName,
                        NID_streetAddress,
                        NID_postalCode}) {
    INFO(OBJ_nid2sn(nid));
    const auto name = name_with(nid);
    REQUIRE_FALSE(name);
    CHECK(name.error().code() == Errc::kPolicy);
    CHECK(name.error().message().find("more than one attribute") != std::string::npos);
  }
}

}  // namespace
}  // namespace mosb::trust
