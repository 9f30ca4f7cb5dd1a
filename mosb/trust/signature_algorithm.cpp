#include "mosb/trust/signature_algorithm.h"

#include <algorithm>
#include <string_view>

namespace mosb::trust {

namespace {

struct Row {
  SignatureAlgorithm algorithm;
  const char* jws;
  int cose;
  const char* display;
  const char* key_kind;
  KeySpec key;
};

// Spec: Notary Project "Signature specification", algorithm selection.
constexpr std::array<Row, 6> kRows{{
    {SignatureAlgorithm::kPs256,
     "PS256",
     -37,
     "RSASSA-PSS-SHA-256",
     "rsa-2048",
     {KeySpec::Type::kRsa, 2048}},
    {SignatureAlgorithm::kPs384,
     "PS384",
     -38,
     "RSASSA-PSS-SHA-384",
     "rsa-3072",
     {KeySpec::Type::kRsa, 3072}},
    {SignatureAlgorithm::kPs512,
     "PS512",
     -39,
     "RSASSA-PSS-SHA-512",
     "rsa-4096",
     {KeySpec::Type::kRsa, 4096}},
    {SignatureAlgorithm::kEs256, "ES256", -7, "ECDSA-SHA-256", "ec-256", {KeySpec::Type::kEc, 256}},
    {SignatureAlgorithm::kEs384,
     "ES384",
     -35,
     "ECDSA-SHA-384",
     "ec-384",
     {KeySpec::Type::kEc, 384}},
    {SignatureAlgorithm::kEs512,
     "ES512",
     -36,
     "ECDSA-SHA-512",
     "ec-521",
     {KeySpec::Type::kEc, 521}},
}};

const Row& row_of(SignatureAlgorithm algorithm) {
  return *std::find_if(
      kRows.begin(), kRows.end(), [&](const Row& row) { return row.algorithm == algorithm; });
}

template <class Predicate>
std::optional<SignatureAlgorithm> find_row(Predicate predicate) {
  const auto* const row = std::find_if(kRows.begin(), kRows.end(), predicate);
  return row == kRows.end() ? std::nullopt : std::optional(row->algorithm);
}

}  // namespace

std::optional<SignatureAlgorithm> algorithm_for(const KeySpec& key) {
  return find_row(
      [&](const Row& row) { return row.key.type == key.type && row.key.bits == key.bits; });
}

KeySpec key_spec_of(SignatureAlgorithm algorithm) {
  return row_of(algorithm).key;
}

const char* jws_name(SignatureAlgorithm algorithm) {
  return row_of(algorithm).jws;
}

std::optional<SignatureAlgorithm> parse_jws_name(std::string_view name) {
  return find_row([&](const Row& row) { return name == row.jws; });
}

std::int64_t cose_algorithm(SignatureAlgorithm algorithm) {
  return row_of(algorithm).cose;
}

std::optional<SignatureAlgorithm> parse_cose_algorithm(std::int64_t value) {
  return find_row([&](const Row& row) { return value == row.cose; });
}

const char* display_name(SignatureAlgorithm algorithm) {
  return row_of(algorithm).display;
}

const char* key_kind_name(SignatureAlgorithm algorithm) {
  return row_of(algorithm).key_kind;
}

std::optional<SignatureAlgorithm> parse_key_kind_name(std::string_view name) {
  return find_row([&](const Row& row) { return name == row.key_kind; });
}

}  // namespace mosb::trust
