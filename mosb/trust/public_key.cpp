#include "mosb/trust/public_key.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

namespace mosb::trust {

namespace {

const EVP_MD* hash_of(SignatureAlgorithm algorithm) {
  switch (algorithm) {
    case SignatureAlgorithm::kPs256:
    case SignatureAlgorithm::kEs256:
      return EVP_sha256();
    case SignatureAlgorithm::kPs384:
    case SignatureAlgorithm::kEs384:
      return EVP_sha384();
    case SignatureAlgorithm::kPs512:
    case SignatureAlgorithm::kEs512:
      return EVP_sha512();
  }
  return EVP_sha256();
}

bool is_ec(SignatureAlgorithm algorithm) {
  return trust::key_spec_of(algorithm).type == KeySpec::Type::kEc;
}

/// Length of r and of s.
std::size_t ec_half(SignatureAlgorithm algorithm) {
  return (trust::key_spec_of(algorithm).bits + 7) / 8;
}

KeySpec rsa_spec(EVP_PKEY& key) {
  // Small exponents have a history of forgeries; FIPS 186-4 asks for more than 2^16. A huge one
  // makes verification slow.
  constexpr std::uint64_t kLeastExponent = 65537;
  constexpr int kMostExponentBits = 64;
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_E, &raw) != 1) {
    return {};
  }
  const BignumPtr e(raw);
  if (BN_num_bits(e.get()) > kMostExponentBits || BN_get_word(e.get()) < kLeastExponent ||
      BN_is_odd(e.get()) == 0) {
    return {};
  }
  const auto bits = static_cast<unsigned>(EVP_PKEY_get_bits(&key));
  return {KeySpec::Type::kRsa, (bits + 7) / 8 * 8};
}

KeySpec ec_spec(EVP_PKEY& key) {
  int explicit_parameters = 0;
  if (EVP_PKEY_get_int_param(
          &key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_parameters) == 1 &&
      explicit_parameters != 0) {
    return {};
  }
  std::array<char, 64> name{};
  std::size_t length = 0;
  if (EVP_PKEY_get_group_name(&key, name.data(), name.size(), &length) != 1) {
    return {};
  }
  const std::string_view curve(name.data(), length);
  if (curve == "prime256v1") {
    return {KeySpec::Type::kEc, 256};
  }
  if (curve == "secp384r1") {
    return {KeySpec::Type::kEc, 384};
  }
  if (curve == "secp521r1") {
    return {KeySpec::Type::kEc, 521};
  }
  return {};
}

/// The PSS parameters that JWS and COSE ask for: MGF1 with the same hash, salt as long as it.
bool set_pss(EVP_PKEY_CTX* context) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/// r || s as the DER that OpenSSL wants; empty if it has another length.
Bytes ec_to_der(SignatureAlgorithm algorithm, ByteView signature) {
  const std::size_t half = ec_half(algorithm);
  if (signature.size() != 2 * half) {
    return {};
  }
  const auto* const data = reinterpret_cast<const unsigned char*>(signature.data());
  BignumPtr r(BN_bin2bn(data, static_cast<int>(half), nullptr));
  BignumPtr s(BN_bin2bn(data + half, static_cast<int>(half), nullptr));
  const EcdsaSigPtr pair(ECDSA_SIG_new());
  if (!r || !s || !pair || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) {
    return {};
  }
  // set0 took them.
  (void)r.release();
  (void)s.release();
  const int length = i2d_ECDSA_SIG(pair.get(), nullptr);
  Bytes der(length > 0 ? static_cast<std::size_t>(length) : 0);
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_ECDSA_SIG(pair.get(), &out);
  return der;
}

/// OpenSSL's DER as r || s; empty on failure.
Bytes ec_from_der(SignatureAlgorithm algorithm, ByteView der) {
  const auto half = static_cast<int>(ec_half(algorithm));
  const auto* in = reinterpret_cast<const unsigned char*>(der.data());
  const EcdsaSigPtr pair(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())));
  Bytes signature(2 * static_cast<std::size_t>(half));
  auto* const out = reinterpret_cast<unsigned char*>(signature.data());
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), out, half) != half ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), out + half, half) != half) {
    return {};
  }
  return signature;
}

}  // namespace

KeySpec key_spec_of(EVP_PKEY& key) {
  KeySpec spec;
  if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_RSA) {
    spec = rsa_spec(key);
  } else if (EVP_PKEY_get_base_id(&key) == EVP_PKEY_EC) {
    spec = ec_spec(key);
  }
  ERR_clear_error();
  return spec;
}

Status verify_with_key(EVP_PKEY& key,
                       SignatureAlgorithm algorithm,
                       ByteView message,
                       ByteView signature) {
  const Error invalid(Errc::kSignature, "the signature is invalid");
  const KeySpec wanted = trust::key_spec_of(algorithm);
  const KeySpec have = key_spec_of(key);
  if (have.type != wanted.type || have.bits != wanted.bits) {
    return Error(Errc::kSignature, "the signature's algorithm does not fit the key");
  }
  const Bytes der = is_ec(algorithm) ? ec_to_der(algorithm, signature)
                                     : Bytes(signature.begin(), signature.end());
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  const bool good =
      context && !der.empty() &&
      EVP_DigestVerifyInit(context.get(), &parameters, hash_of(algorithm), nullptr, &key) == 1 &&
      (is_ec(algorithm) || set_pss(parameters)) &&
      EVP_DigestVerify(context.get(),
                       reinterpret_cast<const unsigned char*>(der.data()),
                       der.size(),
                       reinterpret_cast<const unsigned char*>(message.data()),
                       message.size()) == 1;
  ERR_clear_error();
  return good ? ok() : Status(invalid);
}

Result<Bytes> sign_with_key(EVP_PKEY& key, SignatureAlgorithm algorithm, ByteView message) {
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  Bytes signature(static_cast<std::size_t>(EVP_PKEY_get_size(&key)));
  std::size_t length = signature.size();
  const bool good =
      context &&
      EVP_DigestSignInit(context.get(), &parameters, hash_of(algorithm), nullptr, &key) == 1 &&
      (is_ec(algorithm) || set_pss(parameters)) &&
      EVP_DigestSign(context.get(),
                     reinterpret_cast<unsigned char*>(signature.data()),
                     &length,
                     reinterpret_cast<const unsigned char*>(message.data()),
                     message.size()) == 1;
  if (!good) {
    return Error(Errc::kInternal, "sign: " + take_openssl_error());
  }
  signature.resize(length);
  return is_ec(algorithm) ? ec_from_der(algorithm, signature) : signature;
}

}  // namespace mosb::trust
