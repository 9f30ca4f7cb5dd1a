#include <random>

#include <catch2/catch.hpp>

#include "mosb/base/base64.h"
#include "mosb/trust/cbor_writer.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/cose_envelope.h"
#include "mosb/trust/distinguished_name.h"
#include "mosb/trust/jws_envelope.h"
#include "mosb/trust/open_envelope.h"
#include "mosb/trust/payload.h"
#include "mosb/trust/trust_policy.h"
#include "tests/trust/cose_parts.h"
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

struct Real {
  EnvelopeFormat format;
  std::string bytes;
};

/// An envelope of notation's in each format.
std::vector<Real> real_envelopes() {
  return {
      {EnvelopeFormat::kJws, test::notation_file("cases/real-ec256-jws-plain/signature.jws")},
      {EnvelopeFormat::kCose, test::notation_file("cases/real-ec256-cose-plain/signature.cose")}};
}

/// Everything that reads an envelope, as far as it gets.
bool is_acceptable(EnvelopeFormat format, const std::string& text) {
  const auto envelope = parse_envelope(format, text);
  return envelope && check_integrity(*envelope) && parse_payload(envelope->payload);
}

TEST_CASE("changing any byte of an envelope ends in a refusal or changes nothing that is signed",
          "[trust]") {
  for (const Real& real : real_envelopes()) {
    INFO(envelope_media_type(real.format));
    const SignatureEnvelope original = must(parse_envelope(real.format, real.bytes));
    std::mt19937 random(1);
    std::size_t accepted = 0;
    for (std::size_t i = 0; i < real.bytes.size(); ++i) {
      std::string changed = real.bytes;
      changed[i] = static_cast<char>(changed[i] ^ static_cast<char>(1U << (random() % 8)));
      const auto envelope = parse_envelope(real.format, changed);
      if (envelope && check_integrity(*envelope)) {
        INFO("byte " << i);
        CHECK(envelope->signed_bytes == original.signed_bytes);
        CHECK(envelope->payload == original.payload);
        CHECK(envelope->attributes.signing_time == original.attributes.signing_time);
        CHECK(envelope->chain == original.chain);
        ++accepted;
      }
    }
    // The unsigned name of the signing agent may change, and little else.
    CHECK(accepted < 60);
  }
}

TEST_CASE("cutting an envelope anywhere ends in a refusal", "[trust]") {
  for (const Real& real : real_envelopes()) {
    INFO(envelope_media_type(real.format));
    for (std::size_t size = 0; size < real.bytes.size(); ++size) {
      CHECK_FALSE(parse_envelope(real.format, std::string_view(real.bytes).substr(0, size)));
    }
  }
}

TEST_CASE("putting a byte into an envelope, or taking one out, changes nothing that is signed",
          "[trust]") {
  for (const Real& real : real_envelopes()) {
    INFO(envelope_media_type(real.format));
    const SignatureEnvelope original = must(parse_envelope(real.format, real.bytes));
    std::mt19937 random(3);
    // Not at every byte: with sanitizers that takes minutes.
    for (std::size_t i = 0; i < real.bytes.size(); i += 5) {
      std::string longer = real.bytes;
      longer.insert(i, 1, static_cast<char>(random()));
      std::string shorter = real.bytes;
      shorter.erase(i, 1);
      for (const std::string& changed : {longer, shorter}) {
        const auto envelope = parse_envelope(real.format, changed);
        if (envelope && check_integrity(*envelope)) {
          INFO("byte " << i);
          CHECK(envelope->signed_bytes == original.signed_bytes);
          CHECK(envelope->chain == original.chain);
        }
      }
    }
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
    CHECK_FALSE(is_acceptable(EnvelopeFormat::kJws, text));
    CHECK_FALSE(is_acceptable(EnvelopeFormat::kCose, text));
    CHECK_FALSE(parse_payload(text));
    CHECK_FALSE(TrustPolicy::parse(text));
    CHECK_FALSE(DistinguishedName::parse(text));
    CHECK_FALSE(Certificate::from_file_bytes(text));
  }
}

/// Claims more than any machine has, each with something behind it.
std::vector<std::string> hostile_cbor() {
  constexpr std::size_t kMost = 1024 * 1024 - 100;
  std::vector<std::string> items;
  for (const char* const head : {"5b", "7b", "9b", "bb"}) {
    for (const char* const size : {"1000000000000000", "7fffffffffffffff", "ffffffffffffffff"}) {
      items.push_back(test::from_hex(std::string(head) + size) + "aaaa");
    }
  }
  for (const char* const head : {"5a", "7a", "9a", "ba"}) {
    items.push_back(test::from_hex(std::string(head) + "ffffffff") + std::string(1000, '\0'));
  }
  for (const char* const nest : {"81", "a100", "c1", "dbffffffffffffffff", "9f", "bf00"}) {
    items.push_back(repeat(test::from_hex(nest), kMost));
  }
  CborWriter many;
  many.array(kMost / 2);
  items.push_back(many.str() + repeat("\x80", kMost / 2));
  CborWriter pairs;
  pairs.map(kMost / 4);
  items.push_back(pairs.str() + repeat(test::from_hex("616100"), kMost / 2));
  return items;
}

TEST_CASE("CBOR that claims to be huge or is deep is refused wherever it stands, without delay",
          "[trust]") {
  const test::CoseParts real = test::CoseParts::of_case("real-ec256-cose-plain");
  const std::string header = test::print_cbor({real.protected_header});
  const std::string chain = test::print_cbor({real.unprotected});
  const auto byte_string = [](const std::string& bytes) {
    CborWriter out;
    return out.bytes(as_bytes(bytes)).str();
  };
  const std::string protected_header = byte_string(header);
  const std::string payload = byte_string(real.payload);
  const std::string signature = byte_string(real.signature);
  const std::string start = "\xd2\x84";
  const auto with_entry = [](std::string map, const std::string& value) {
    map[0] = static_cast<char>(map[0] + 1);
    return map + test::from_hex("6178") + value;
  };
  // Where an item stands beside what belongs there, a harmless one is accepted.
  const std::string zero(1, '\0');
  REQUIRE(parse_cose(start + protected_header + with_entry(chain, zero) + payload + signature));
  REQUIRE(parse_cose(start + byte_string(with_entry(header, zero)) + chain + payload + signature));
  for (const std::string& item : hostile_cbor()) {
    for (const std::string& bad :
         {start + item,
          start + item + chain + payload + signature,
          start + protected_header + item + payload + signature,
          start + protected_header + chain + item + signature,
          start + protected_header + chain + payload + item,
          start + protected_header + with_entry(chain, item) + payload + signature,
          start + byte_string(item) + chain + payload + signature,
          start + byte_string(with_entry(header, item)) + chain + payload + signature}) {
      CHECK_FALSE(parse_cose(bad));
    }
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
    CHECK_FALSE(parse_cose(text));
    CHECK_FALSE(parse_cose("\xd2\x84" + text));
    CHECK_FALSE(parse_payload(text));
    CHECK_FALSE(TrustPolicy::parse(text));
  }
}

}  // namespace
}  // namespace mosb::trust
