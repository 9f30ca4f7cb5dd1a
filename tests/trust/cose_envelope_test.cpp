#include "mosb/trust/cose_envelope.h"

#include <functional>

#include <catch2/catch.hpp>

#include "mosb/base/rfc3339.h"
#include "mosb/trust/cose_header.h"
#include "mosb/trust/payload.h"
#include "tests/trust/cose_parts.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::CoseParts;
using test::erase_label;
using test::from_hex;
using test::must;
using test::print_cbor;
using test::set_label;

std::string vector_text(const std::string& name) {
  return test::notation_file("cases/" + name + "/signature.cose");
}

TEST_CASE("what notation signed as COSE is written again byte for byte", "[trust][vectors]") {
  for (const char* const name : {"real-rsa2048-cose-plain",
                                 "real-rsa2048-cose-meta-expiry",
                                 "real-rsa3072-cose-plain",
                                 "real-rsa4096-cose-plain",
                                 "real-ec256-cose-plain",
                                 "real-ec256-cose-meta-expiry",
                                 "real-ec384-cose-plain",
                                 "real-ec521-cose-plain",
                                 "real-self-cose-plain"}) {
    INFO(name);
    const std::string text = vector_text(name);
    const SignatureEnvelope envelope = must(parse_cose(text));
    CHECK(check_integrity(envelope));
    const Payload payload = must(parse_payload(envelope.payload));
    CHECK(payload.names(test::vector_subject()));
    CHECK(print_payload(payload, EnvelopeFormat::kCose) == envelope.payload);
    const EnvelopeContent content{envelope.algorithm,
                                  envelope.attributes.signing_time,
                                  envelope.attributes.expiry,
                                  envelope.payload};
    CHECK(cose_signing_input(content) == envelope.signed_bytes);
    std::string ours = print_cose(content, envelope.chain, envelope.signature, {});
    // Texts of 4 and of 17 bytes.
    const std::string agent = from_hex("64") + "mosb";
    REQUIRE(ours.find(agent) != std::string::npos);
    ours.replace(ours.find(agent), agent.size(), from_hex("71") + "notation-go/1.3.2");
    CHECK(ours == text);
    const Bytes timestamp(3000, std::byte{1});
    CHECK(must(parse_cose(print_cose(content, envelope.chain, envelope.signature, timestamp)))
              .timestamp == timestamp);
  }
}

TEST_CASE("the parts of an envelope are put together as they were taken apart", "[trust]") {
  const CoseParts parts = CoseParts::of_case("real-rsa2048-cose-meta-expiry");
  CHECK(parts.print() == vector_text("real-rsa2048-cose-meta-expiry"));
}

/// The text of a refusal; "" if there is none.
std::string refusal(const std::string& envelope) {
  const auto parsed = parse_cose(envelope);
  if (parsed) {
    return "";
  }
  CHECK(parsed.error().code() == Errc::kSignature);
  return parsed.error().message();
}

std::string with_protected(const std::function<void(CborMap&)>& change) {
  CoseParts parts = CoseParts::of_case("real-rsa2048-cose-meta-expiry");
  change(parts.protected_header);
  return refusal(parts.print());
}

std::string with_parts(const std::function<void(CoseParts&)>& change) {
  CoseParts parts = CoseParts::of_case("real-rsa2048-cose-meta-expiry");
  change(parts);
  return refusal(parts.print());
}

CborValue time_value(std::int64_t seconds, std::uint64_t tag = 1) {
  return {CborTagged{tag, {{seconds}}}};
}

CborValue texts(const std::vector<std::string>& names) {
  CborArray items;
  for (const std::string& name : names) {
    items.push_back({name});
  }
  return {items};
}

struct HeaderRow {
  const char* reason;
  std::function<void(CborMap&)> change;
};

void check_header_rows(const std::vector<HeaderRow>& rows) {
  for (const HeaderRow& row : rows) {
    const std::string why = with_protected(row.change);
    INFO(row.reason << " <> " << why);
    CHECK(why.find(row.reason) != std::string::npos);
  }
}

std::function<void(CborMap&)> set(const CborLabel& label, const CborValue& value) {
  return [=](CborMap& header) { set_label(header, label, value); };
}

std::function<void(CborMap&)> erase(const CborLabel& label) {
  return [=](CborMap& header) { erase_label(header, label); };
}

std::function<void(CborMap&)> critical(const std::vector<std::string>& names) {
  return set(kCoseCritical, texts(names));
}

TEST_CASE("a protected COSE header that breaks a rule is refused by name", "[trust]") {
  check_header_rows({
      {"algorithm -257", set(kCoseAlgorithm, {-257})},
      {"algorithm -8", set(kCoseAlgorithm, {-8})},
      {"algorithm -47", set(kCoseAlgorithm, {-47})},
      {"algorithm 5", set(kCoseAlgorithm, {5})},
      {"algorithm 0", set(kCoseAlgorithm, {0})},
      {"unsupported signature algorithm", set(kCoseAlgorithm, {"PS256"})},
      {"'1' is missing", erase(kCoseAlgorithm)},
      {"content type", set(kCoseContentType, {"application/json"})},
      {"content type", set(kCoseContentType, {"Application/vnd.cncf.notary.payload.v1+json"})},
      {"'3' is not a text", set(kCoseContentType, {50})},
      {"'3' is missing", erase(kCoseContentType)},
      {"signing scheme 'x'", set(kSigningScheme, {"x"})},
      {"signingScheme' is not a text", set(kSigningScheme, {1})},
      {"signingScheme' is missing", erase(kSigningScheme)},
      {"must be present", erase(kSigningTime)},
      {"must not be present", set(kAuthenticSigningTime, time_value(1795000000))},
      {"must not be present", set(kSigningScheme, {"notary.x509.signingAuthority"})},
      {"signingTime' is not a time", set(kSigningTime, {1795000000})},
      {"signingTime' is not a time", set(kSigningTime, time_value(1795000000, 0))},
      {"signingTime' is not a time", set(kSigningTime, time_value(-1))},
      {"signingTime' is not a time", set(kSigningTime, time_value(253402300800))},
      {"signingTime' is not a time", set(kSigningTime, {CborTagged{1, {{"2026-11-01"}}}})},
      {"signingTime' is not a time", set(kSigningTime, {CborTagged{1, {time_value(1795000000)}}})},
      {"expiry' is not a time", set(kExpiry, {1795000000})},
      {"not after the signing time", set(kExpiry, time_value(1500000000))},
      {"verificationPlugin' is not a text", set(kVerificationPlugin, {1})},
      {"verificationPlugin' is not marked critical", set(kVerificationPlugin, {"x"})},
      {"a verification plugin that is not named", set(kVerificationPluginMinVersion, {"1.0.0"})},
      {"'4' is not a byte string", set(4, {"key"})},
      {"'5' is not supported", set(5, {Bytes(12)})},
      {"'6' is not supported", set(6, {Bytes(12)})},
      {"'7' is not supported", set(7, {CborArray{}})},
      {"'9' is not supported", set(9, {Bytes(64)})},
      {"'11' is not supported", set(11, {CborArray{}})},
      {"'12' is not supported", set(12, {Bytes(64)})},
      {"'33' stands in both headers", set(kCoseX5chain, {CborArray{}})},
  });
  // The last second of the year 9999 is one.
  CHECK(with_protected(set(kExpiry, time_value(253402300799))).empty());
}

TEST_CASE("a list of critical COSE parameters that breaks a rule is refused by name", "[trust]") {
  const std::vector<std::string> all{kSigningScheme, kExpiry};
  const auto and_also = [&](const CborValue& value) {
    CborArray items = std::get<CborArray>(texts(all).value);
    items.push_back(value);
    return set(kCoseCritical, {items});
  };
  CHECK(with_protected(critical(all)).empty());
  CHECK(with_protected(critical({kExpiry, kSigningScheme})).empty());
  check_header_rows({
      {"'2' is missing", erase(kCoseCritical)},
      {"is not marked critical", critical({})},
      {"'2' is not an array", set(kCoseCritical, {kSigningScheme})},
      {"'io.cncf.notary.signingScheme' is not marked critical", critical({kExpiry})},
      {"'io.cncf.notary.expiry' is not marked critical", critical({kSigningScheme})},
      {"'absent' is marked critical", and_also({"absent"})},
      {"'99' is marked critical", and_also({99})},
      {"'1' is marked critical", and_also({kCoseAlgorithm})},
      {"'1' is marked critical", and_also({"1"})},
      {"'2' is marked critical", and_also({kCoseCritical})},
      {"'3' is marked critical", and_also({kCoseContentType})},
      {"signingTime' is marked critical", and_also({kSigningTime})},
      {"expiry' is marked critical", and_also({kExpiry})},
      {"neither an integer nor a text", and_also({Bytes(1)})},
      {"neither an integer nor a text", and_also({CborArray{}})},
  });
}

TEST_CASE("a signing authority's COSE header names its time as critical", "[trust]") {
  const auto change = [](CborMap& header) {
    set_label(header, kSigningScheme, {"notary.x509.signingAuthority"});
    erase_label(header, kSigningTime);
    set_label(header, kAuthenticSigningTime, time_value(1795000000));
  };
  CHECK(with_protected(change).find("authenticSigningTime' is not marked critical") !=
        std::string::npos);
  CoseParts parts = CoseParts::of_case("real-rsa2048-cose-meta-expiry");
  change(parts.protected_header);
  critical({kSigningScheme, kAuthenticSigningTime, kExpiry})(parts.protected_header);
  const SignatureEnvelope envelope = must(parse_cose(parts.print()));
  CHECK(envelope.attributes.scheme == SigningScheme::kX509SigningAuthority);
  CHECK(to_rfc3339(envelope.attributes.signing_time) == "2026-11-18T11:06:40Z");
  CHECK(envelope.attributes.unknown_critical.empty());
}

TEST_CASE("a protected COSE header may say more than is needed", "[trust]") {
  CHECK(with_protected([](CborMap&) {}).empty());
  CHECK(with_protected(set("com.example.note", {CborMap{{1, {CborArray{}}}}})).empty());
  CHECK(with_protected(set(4, {Bytes(8)})).empty());
  CHECK(with_protected(set(-70000, time_value(5, 100))).empty());
}

TEST_CASE("a critical COSE parameter that nobody knows is remembered", "[trust]") {
  CoseParts parts = CoseParts::of_case("real-rsa2048-cose-meta-expiry");
  CborArray names = std::get<CborArray>(texts({kSigningScheme, kExpiry, "com.example.must"}).value);
  names.push_back({99});
  set_label(parts.protected_header, kCoseCritical, {names});
  set_label(parts.protected_header, "com.example.must", {1});
  set_label(parts.protected_header, 99, {1});
  const SignatureEnvelope envelope = must(parse_cose(parts.print()));
  CHECK(envelope.attributes.unknown_critical == std::vector<std::string>{"com.example.must", "99"});
}

TEST_CASE("a verification plugin that a COSE signature asks for is remembered", "[trust]") {
  CoseParts parts = CoseParts::of_case("real-rsa2048-cose-meta-expiry");
  set_label(parts.protected_header, kVerificationPlugin, {"x"});
  set_label(parts.protected_header, kVerificationPluginMinVersion, {"1.0.0"});
  critical({kSigningScheme, kExpiry, kVerificationPlugin, kVerificationPluginMinVersion})(
      parts.protected_header);
  const SignatureEnvelope envelope = must(parse_cose(parts.print()));
  CHECK(envelope.attributes.verification_plugin == "x");
}

TEST_CASE("a protected COSE header that is no map is refused", "[trust]") {
  const CoseParts parts = CoseParts::of_case("real-rsa2048-cose-plain");
  const std::string good = print_cbor({parts.protected_header});
  CHECK(refusal(parts.print_with(good)).empty());
  struct Row {
    const char* reason;
    std::string bytes;
  };
  for (const Row& row : std::vector<Row>{
           {"cut off", ""},
           {"is missing", from_hex("a0")},
           {"is not a map", from_hex("80")},
           {"is not a map", from_hex("d818") + good},
           {"bytes after it", good + std::string(1, '\0')},
           {"cut off", good.substr(0, good.size() - 1)},
           {"indefinite", "\xbf" + good.substr(1) + "\xff"},
           {"stands twice", from_hex("a2 01 3824 01 3824")},
           {"neither an integer nor a text", from_hex("a1 4101 00")},
           {"'io.cncf.notary.expiry' is not a time",
            static_cast<char>(good[0] + 1) + good.substr(1) + from_hex("75") + kExpiry +
                from_hex("c1 fb41da c077 a8c0 0000")},
       }) {
    const std::string why = refusal(parts.print_with(row.bytes));
    INFO(row.reason << " <> " << why);
    CHECK(why.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("a COSE envelope with a part that is not as it must be is refused", "[trust]") {
  struct Row {
    const char* reason;
    std::function<void(CoseParts&)> change;
  };
  const auto chain = [](const CborValue& value) {
    return [=](CoseParts& parts) { set_label(parts.unprotected, kCoseX5chain, value); };
  };
  const auto unprotected = [](const CborLabel& label, const CborValue& value) {
    return [=](CoseParts& parts) { set_label(parts.unprotected, label, value); };
  };
  const std::vector<Row> rows{
      {"the payload is empty", [](CoseParts& p) { p.payload.clear(); }},
      {"more than 1048576 bytes", [](CoseParts& p) { p.payload.assign(kMaxEnvelope.value, 'x'); }},
      {"the signature is empty", [](CoseParts& p) { p.signature.clear(); }},
      {"no certificate chain", [](CoseParts& p) { erase_label(p.unprotected, kCoseX5chain); }},
      {"no certificate chain", chain({CborArray{}})},
      {"no certificate chain", chain({Bytes(4)})},
      {"not a byte string", chain(texts({"AAAA"}))},
      {"malformed certificate", chain({CborArray{{Bytes()}}})},
      {"malformed certificate", chain({CborArray{{Bytes(4)}}})},
      {"chain is longer than 16", chain({CborArray(17, CborValue{Bytes(4)})})},
      {"'1' stands in both headers", unprotected(kCoseAlgorithm, {-37})},
      {"'2' stands in both headers", unprotected(kCoseCritical, texts({kSigningAgent}))},
      {"expiry' stands in both headers", unprotected(kExpiry, {1})},
      {"tag 1 is not allowed", unprotected("com.example", time_value(1))},
      {"'4' is not a byte string", unprotected(4, {1})},
      {"'5' is not supported", unprotected(5, {Bytes(12)})},
      {"'11' is not supported", unprotected(11, {Bytes(64)})},
  };
  for (const Row& row : rows) {
    const std::string why = with_parts(row.change);
    INFO(row.reason << " <> " << why);
    CHECK(why.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("a COSE envelope may bring 16 certificates", "[trust]") {
  CoseParts parts = CoseParts::of_case("real-rsa2048-cose-plain");
  const Bytes leaf = must(parse_cose(parts.print())).chain.front().der();
  set_label(parts.unprotected, kCoseX5chain, {CborArray(16, CborValue{leaf})});
  CHECK(must(parse_cose(parts.print())).chain.size() == 16);
}

TEST_CASE("what a COSE envelope says beside the signature is not taken for more", "[trust]") {
  CoseParts parts = CoseParts::of_case("real-rsa2048-cose-plain");
  set_label(parts.unprotected, kTimestampSignature, {"no bytes"});
  set_label(parts.unprotected, kSigningAgent, {7});
  set_label(parts.unprotected, "com.example", {1});
  CHECK(must(parse_cose(parts.print())).timestamp.empty());
  set_label(parts.unprotected, kTimestampSignature, {Bytes(3)});
  CHECK(must(parse_cose(parts.print())).timestamp.size() == 3);
}

TEST_CASE("what is no tagged COSE_Sign1 with four parts is refused by name", "[trust]") {
  const std::string good = vector_text("real-ec256-cose-plain");
  const std::string body = good.substr(2);
  struct Row {
    const char* reason;
    std::string bytes;
  };
  const char* const no_start = "not a tagged COSE_Sign1";
  for (const Row& row : std::vector<Row>{
           {no_start, ""},
           {no_start, "\xd2"},
           {no_start, good.substr(1)},
           {no_start, from_hex("d81284") + body},
           {no_start, from_hex("d29804") + body},
           {no_start, from_hex("d86284") + body},
           {no_start, from_hex("d3") + good.substr(1)},
           {no_start, from_hex("d9d9f7d284") + body},
           {no_start, from_hex("d2d284") + body},
           {no_start, from_hex("d283") + body},
           {no_start, from_hex("d285") + body + from_hex("00")},
           {no_start, from_hex("d29f") + body + from_hex("ff")},
           {"bytes after it", good + from_hex("00")},
           {"bytes after it", good + good},
           {"claims 4 entries", from_hex("d284 40")},
           {"protected header is not a byte string", from_hex("d284 a0 a0 41aa 41aa")},
           {"protected header is not a byte string", from_hex("d284 6161 a0 41aa 41aa")},
           {"protected header is not a byte string", from_hex("d284 f6 a0 41aa 41aa")},
           {"unprotected header is not a map", from_hex("d284 41a0 80 41aa 41aa")},
           {"unprotected header is not a map", from_hex("d284 41a0 40 41aa 41aa")},
           {"payload is empty or not a byte string", from_hex("d284 41a0 a0 f6 41aa")},
           {"payload is empty or not a byte string", from_hex("d284 41a0 a0 6161 41aa")},
           {"signature is empty or not a byte string", from_hex("d284 41a0 a0 41aa f6")},
           {"signature is empty or not a byte string", from_hex("d284 41a0 a0 41aa 6161")},
           {"tag 24 is not allowed", from_hex("d284 d81841a0 a0 41aa 41aa")},
           {"indefinite", from_hex("d284 41a0 bfff 41aa 41aa")},
           {"indefinite", from_hex("d284 41a0 a0 5f41aaff 41aa")},
       }) {
    const std::string why = refusal(row.bytes);
    INFO(row.reason << " <> " << why);
    CHECK(why.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("the algorithm of a COSE signature comes from the key, whatever the header says",
          "[trust]") {
  CoseParts parts = CoseParts::of_case("real-ec256-cose-plain");
  for (const SignatureAlgorithm algorithm : {SignatureAlgorithm::kPs256,
                                             SignatureAlgorithm::kPs512,
                                             SignatureAlgorithm::kEs384,
                                             SignatureAlgorithm::kEs512}) {
    set_label(parts.protected_header, kCoseAlgorithm, {cose_algorithm(algorithm)});
    const auto status = check_integrity(must(parse_cose(parts.print())));
    REQUIRE_FALSE(status);
    CHECK(status.error().message().find(jws_name(algorithm)) != std::string::npos);
  }
}

TEST_CASE("metadata in a COSE payload keeps notation's order", "[trust]") {
  const Payload payload{"m", "d", 1, {{"z", "<&>"}, {"k", "é"}}};
  CHECK(print_payload(payload, EnvelopeFormat::kCose) ==
        R"({"targetArtifact":{"mediaType":"m","digest":"d","size":1,)"
        R"("annotations":{"k":"é","z":"\u003c\u0026\u003e"}}})");
}

}  // namespace
}  // namespace mosb::trust
