#include "mosb/trust/public_key.h"

#include <memory>

#include <catch2/catch.hpp>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "tests/trust/pki.h"

namespace mosb::trust {
namespace {

using BuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<OSSL_PARAM_BLD_free>>;
using ParametersPtr = std::unique_ptr<OSSL_PARAM, OpensslFree<OSSL_PARAM_free>>;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;

BignumPtr number(const char* hex) {
  BIGNUM* value = nullptr;
  REQUIRE(BN_hex2bn(&value, hex) > 0);
  return BignumPtr(value);
}

/// An RSA public key of 2048 bits with that exponent. The modulus is nobody's.
EvpPkeyPtr rsa_key(const char* exponent) {
  const BignumPtr modulus(BN_new());
  REQUIRE(BN_set_bit(modulus.get(), 2047) == 1);
  REQUIRE(BN_set_bit(modulus.get(), 0) == 1);
  const BignumPtr e = number(exponent);
  const BuilderPtr builder(OSSL_PARAM_BLD_new());
  REQUIRE(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) == 1);
  REQUIRE(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1);
  const ParametersPtr parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  const ContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  REQUIRE(EVP_PKEY_fromdata_init(context.get()) == 1);
  REQUIRE(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) == 1);
  return EvpPkeyPtr(key);
}

TEST_CASE("RSA exponents are odd, from 65537 on, and of 64 bits at most", "[trust]") {
  for (const char* const good : {"10001", "10003", "8000000000000001", "FFFFFFFFFFFFFFFF"}) {
    const KeySpec spec = key_spec_of(*rsa_key(good));
    CHECK(spec.type == KeySpec::Type::kRsa);
    CHECK(spec.bits == 2048);
  }
  for (const char* const bad :
       {"1", "3", "101", "FFFF", "10000", "10002", "10000000000000001", "1FFFFFFFFFFFFFFFF"}) {
    INFO(bad);
    CHECK(key_spec_of(*rsa_key(bad)).type != KeySpec::Type::kRsa);
  }
}

TEST_CASE("a curve counts by its name only, not by parameters that are as good", "[trust]") {
  for (const int form : {OPENSSL_EC_NAMED_CURVE, OPENSSL_EC_EXPLICIT_CURVE}) {
    const ContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY* made = nullptr;
    REQUIRE(EVP_PKEY_keygen_init(context.get()) == 1);
    REQUIRE(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context.get(), NID_X9_62_prime256v1) == 1);
    REQUIRE(EVP_PKEY_CTX_set_ec_param_enc(context.get(), form) == 1);
    REQUIRE(EVP_PKEY_keygen(context.get(), &made) == 1);
    const EvpPkeyPtr key(made);
    const std::string der = test::encode(key.get(), i2d_PUBKEY);
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    const EvpPkeyPtr read(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
    REQUIRE(read);
    CHECK((key_spec_of(*read).type == KeySpec::Type::kEc) == (form == OPENSSL_EC_NAMED_CURVE));
  }
}

}  // namespace
}  // namespace mosb::trust
