#include "mosb/trust/ess_certificate_id.h"

#include <catch2/catch.hpp>

#include "tests/trust/pki.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::der;

std::string algorithm(int nid) {
  return der(0x30, test::encode(OBJ_nid2obj(nid), i2d_ASN1_OBJECT));
}

const std::string kDigest = der(0x04, std::string(32, 'd'));
/// An issuer's name without attributes, and the serial number 7.
const std::string kName = der(0x30, "");
const std::string kSerial = der(0x02, "\x07");
const std::string kIssuer = der(0x30, der(0x30, der(0xa4, kName)) + kSerial);

Result<EssCertificateId> parse(const std::string& id) {
  const std::string attribute = der(0x30, der(0x30, der(0x30, id)));
  return EssCertificateId::parse(as_bytes(attribute));
}

TEST_CASE("a certificate is named by its hash, and perhaps by issuer and serial number",
          "[trust]") {
  const auto plain = parse(kDigest);
  REQUIRE(plain);
  CHECK(plain->hash == Sha2::k256);
  CHECK(plain->digest.size() == 32);
  CHECK_FALSE(plain->issuer_serial);
  const auto full = parse(algorithm(NID_sha384) + kDigest + kIssuer);
  REQUIRE(full);
  CHECK(full->hash == Sha2::k384);
  REQUIRE(full->issuer_serial);
  CHECK(full->issuer_serial->issuer.size() == kName.size());
  CHECK(full->issuer_serial->serial.size() == kSerial.size());
  CHECK(parse(algorithm(NID_sha512) + kDigest)->hash == Sha2::k512);
}

TEST_CASE("a certificate's name that says more or less than one certificate is refused",
          "[trust]") {
  for (const std::string& id :
       {std::string(),
        algorithm(NID_sha1) + kDigest,
        // a hash that is no algorithm: without one, and with something else in its place
        der(0x30, "") + kDigest,
        der(0x30, kDigest) + kDigest,
        algorithm(NID_sha256),
        kDigest + kSerial,
        kDigest + kIssuer + kIssuer,
        kDigest + kIssuer + kSerial,
        kDigest + der(0x30, der(0x30, "") + kSerial),
        kDigest + der(0x30, der(0x30, der(0xa4, "")) + kSerial),
        // two names, in one place or in two, and two numbers
        kDigest + der(0x30, der(0x30, der(0xa4, kName + kName)) + kSerial),
        kDigest + der(0x30, der(0x30, der(0xa4, kName) + der(0xa4, kName)) + kSerial),
        kDigest + der(0x30, der(0x30, der(0xa4, kName)) + kSerial + kSerial),
        kDigest + der(0x30, der(0x30, der(0x82, "dns")) + kSerial)}) {
    const auto parsed = parse(id);
    INFO(id.size());
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kSignature);
  }
}

}  // namespace
}  // namespace mosb::trust
