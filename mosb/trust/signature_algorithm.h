#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mosb::trust {

/// The six algorithms of the Notary Project signature specification. The key decides which.
enum class SignatureAlgorithm { kPs256, kPs384, kPs512, kEs256, kEs384, kEs512 };

inline constexpr std::array kSignatureAlgorithms{SignatureAlgorithm::kPs256,
                                                 SignatureAlgorithm::kPs384,
                                                 SignatureAlgorithm::kPs512,
                                                 SignatureAlgorithm::kEs256,
                                                 SignatureAlgorithm::kEs384,
                                                 SignatureAlgorithm::kEs512};

/// A public key's kind and size.
struct KeySpec {
  enum class Type { kRsa, kEc, kOther };
  Type type = Type::kOther;
  /// RSA: 8 times the modulus' bytes. EC: 256, 384 or 521, of the NIST curve.
  unsigned bits = 0;
};

/// nullopt for a key that no algorithm uses.
std::optional<SignatureAlgorithm> algorithm_for(const KeySpec& key);
KeySpec key_spec_of(SignatureAlgorithm algorithm);

/// "PS256": the value of the JWS header `alg`. Spec: RFC 7518 §3.1.
const char* jws_name(SignatureAlgorithm algorithm);
std::optional<SignatureAlgorithm> parse_jws_name(std::string_view name);
/// -37: the value of the COSE header 1. Spec: RFC 9053 §2.1, RFC 8230 §2.
std::int64_t cose_algorithm(SignatureAlgorithm algorithm);
std::optional<SignatureAlgorithm> parse_cose_algorithm(std::int64_t value);
/// "RSASSA-PSS-SHA-256": as notation shows it.
const char* display_name(SignatureAlgorithm algorithm);
/// "rsa-2048": the key kind as `keyset create --algorithm` takes it.
const char* key_kind_name(SignatureAlgorithm algorithm);
std::optional<SignatureAlgorithm> parse_key_kind_name(std::string_view name);

}  // namespace mosb::trust
