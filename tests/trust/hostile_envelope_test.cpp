#include <random>

#include <catch2/catch.hpp>

#include "mosb/base/base64.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/distinguished_name.h"
#include "mosb/trust/jws_envelope.h"
#include "mosb/trust/payload.h"
#include "mosb/trust/trust_policy.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;

std::string repeat(const std::string& text, std::size_t size) {
  std::string out;
  out.reserve(size + text.size());
  while (out.size() < size) {
    out += text;
  }
  return out;
}

/// Everything that reads an envelope, as far as it gets.
bool is_acceptable(const std::string& text) {
  const auto envelope = parse_jws(text);
  return envelope && check_integrity(*envelope) && parse_payload(envelope->payload);
}

TEST_CASE("changing any byte of an envelope ends in a refusal or changes nothing that is signed",
          "[trust]") {
  const std::string text = test::notation_file("cases/real-ec256-jws-plain/signature.jws");
  const SignatureEnvelope original = must(parse_jws(text));
  std::mt19937 random(1);
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ static_cast<char>(1U << (random() % 8)));
    const auto envelope = parse_jws(changed);
    if (envelope && check_integrity(*envelope)) {
      INFO("byte " << i);
      CHECK(envelope->signed_bytes == original.signed_bytes);
      CHECK(envelope->chain == original.chain);
      ++accepted;
    }
  }
  // The unsigned name of the signing agent may change, and little else.
  CHECK(accepted < 60);
}

TEST_CASE("cutting an envelope anywhere ends in a refusal", "[trust]") {
  const std::string text = test::notation_file("cases/real-ec256-jws-plain/signature.jws");
  for (std::size_t size = 0; size < text.size(); ++size) {
    CHECK_FALSE(parse_jws(std::string_view(text).substr(0, size)));
  }
}

TEST_CASE("huge and deep texts are refused by every parser without delay", "[trust]") {
  constexpr std::size_t kMost = 1024 * 1024;
  const std::string digits = repeat("9", kMost);
  for (const std::string& text : {repeat("[", kMost),
                                  repeat("{\"a\":", kMost),
                                  repeat("[],", kMost),
                                  "[" + repeat("0,", kMost - 10) + "0]",
                                  "\"" + repeat("\\u0000", kMost - 10) + "\"",
                                  digits,
                                  "{\"payload\":" + digits,
                                  repeat("A", 100 * kMost),
                                  repeat(std::string(1, '\0'), kMost),
                                  repeat("\xff", kMost)}) {
    CHECK_FALSE(is_acceptable(text));
    CHECK_FALSE(parse_payload(text));
    CHECK_FALSE(TrustPolicy::parse(text));
    CHECK_FALSE(DistinguishedName::parse(text));
    CHECK_FALSE(Certificate::from_file_bytes(text));
  }
}

TEST_CASE("random bytes are no certificate, envelope, payload or policy", "[trust]") {
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {
    std::string text(random() % 200, '\0');
    for (char& c : text) {
      c = static_cast<char>(random());
    }
    CHECK_FALSE(Certificate::from_file_bytes(text));
    CHECK_FALSE(Certificate::from_der(as_bytes(text)));
    CHECK_FALSE(parse_jws(text));
    CHECK_FALSE(parse_payload(text));
    CHECK_FALSE(TrustPolicy::parse(text));
  }
}

}  // namespace
}  // namespace mosb::trust
