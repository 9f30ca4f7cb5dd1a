#include "mosb/trust/jws_envelope.h"

#include <functional>

#include <catch2/catch.hpp>

#include "mosb/base/base64.h"
#include "mosb/base/rfc3339.h"
#include "mosb/trust/payload.h"
#include "mosb/trust/private_key.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;

std::string vector_text(const std::string& name) {
  return test::notation_file("cases/" + name + "/signature.jws");
}

Json vector_json(const std::string& name) {
  return must(json::parse(vector_text(name), kMaxEnvelope));
}

std::string decode(const Json& text) {
  const Bytes bytes = must(base64url_decode(text.get<std::string>()));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string encode(const std::string& text) {
  return base64url_encode(as_bytes(text));
}

TEST_CASE("what notation signed is written again byte for byte", "[trust][vectors]") {
  for (const char* const name : {"real-rsa2048-jws-plain",
                                 "real-rsa2048-jws-meta-expiry",
                                 "real-rsa3072-jws-plain",
                                 "real-rsa4096-jws-plain",
                                 "real-ec256-jws-meta-expiry",
                                 "real-ec384-jws-plain",
                                 "real-ec521-jws-plain",
                                 "real-self-jws-plain"}) {
    INFO(name);
    const std::string text = vector_text(name);
    const SignatureEnvelope envelope = must(parse_jws(text));
    CHECK(check_integrity(envelope));
    const Payload payload = must(parse_payload(envelope.payload));
    CHECK(payload.names(test::vector_subject()));
    CHECK(print_payload(payload, EnvelopeFormat::kJws) == envelope.payload);
    const std::string input = jws_signing_input({envelope.algorithm,
                                                 envelope.attributes.signing_time,
                                                 envelope.attributes.expiry,
                                                 envelope.payload});
    CHECK(input == envelope.signed_bytes);
    std::string ours = print_jws(input, envelope.chain, envelope.signature, envelope.timestamp);
    const std::string agent = R"("io.cncf.notary.signingAgent":"mosb")";
    REQUIRE(ours.find(agent) != std::string::npos);
    ours.replace(
        ours.find(agent), agent.size(), R"("io.cncf.notary.signingAgent":"notation-go/1.3.2")");
    CHECK(ours == text);
  }
}

/// The text of a refusal; "" if there is none.
std::string refusal(const Json& envelope) {
  const auto parsed = parse_jws(envelope.dump());
  if (parsed) {
    return "";
  }
  CHECK(parsed.error().code() == Errc::kSignature);
  return parsed.error().message();
}

std::string with_protected(const std::function<void(Json&)>& change) {
  Json envelope = vector_json("real-rsa2048-jws-meta-expiry");
  Json header = must(json::parse(decode(envelope["protected"]), kMaxEnvelope));
  change(header);
  envelope["protected"] = encode(header.dump());
  return refusal(envelope);
}

TEST_CASE("a protected header that breaks a rule is refused by name", "[trust]") {
  struct Row {
    const char* reason;
    std::function<void(Json&)> change;
  };
  const auto set = [](const char* name, Json value) {
    return [name, value = std::move(value)](Json& h) { h[name] = value; };
  };
  const auto critical = [](std::vector<std::string> names) {
    return [names = std::move(names)](Json& h) { h["crit"] = names; };
  };
  const std::vector<Row> rows{
      {"algorithm 'none'", set("alg", "none")},
      {"algorithm 'HS256'", set("alg", "HS256")},
      {"algorithm 'RS256'", set("alg", "RS256")},
      {"algorithm 'EdDSA'", set("alg", "EdDSA")},
      {"algorithm 'ES256K'", set("alg", "ES256K")},
      {"algorithm 'ps256'", set("alg", "ps256")},
      {"algorithm ''", set("alg", "")},
      {"'alg' is not a string", set("alg", 1)},
      {"'alg' is missing", [](Json& h) { h.erase("alg"); }},
      {"content type", set("cty", "application/json")},
      {"signing scheme 'x'", set(kSigningScheme, "x")},
      {"'b64' is not supported", set("b64", false)},
      {"'b64' is not supported", set("b64", true)},
      {"must be present", [](Json& h) { h.erase(kSigningTime); }},
      {"must be present", set(kSigningTime, nullptr)},
      {"must be present", set(kSigningTime, "0001-01-01T00:00:00Z")},
      {"must not be present", set(kAuthenticSigningTime, "2026-11-01T00:00:00Z")},
      {"RFC 3339", set(kSigningTime, "2026-11-01t00:00:00z")},
      {"RFC 3339", set(kSigningTime, "2026-11-01T00:00:00")},
      {"not a string", set(kSigningTime, 1.5e9)},
      {"not a string", set(kExpiry, -1)},
      {"not after the signing time", set(kExpiry, "2020-01-01T00:00:00Z")},
      {"not after the signing time", [](Json& h) { h[kExpiry] = h[kSigningTime]; }},
      {"'io.cncf.notary.signingScheme' is not marked critical", critical({kExpiry})},
      {"'io.cncf.notary.expiry' is not marked critical", critical({kSigningScheme})},
      {"is not marked critical", [](Json& h) { h.erase("crit"); }},
      {"is not marked critical", critical({})},
      {"'absent' is marked critical", critical({kSigningScheme, kExpiry, "absent"})},
      {"'alg' is marked critical", critical({kSigningScheme, kExpiry, "alg"})},
      {"'cty' is marked critical", critical({kSigningScheme, kExpiry, "cty"})},
      {"'crit' is marked critical", critical({kSigningScheme, kExpiry, "crit"})},
      {"signingTime' is marked critical", critical({kSigningScheme, kExpiry, kSigningTime})},
      {"expiry' is marked critical", critical({kSigningScheme, kExpiry, kExpiry})},
      {"array of strings", set("crit", Json::array({1}))},
      {"'crit' is not an array", set("crit", kSigningScheme)},
      {"verificationPlugin' is not marked critical", set(kVerificationPlugin, "x")},
      {"verificationPlugin' is not a string", set(kVerificationPlugin, 1)},
      {"PluginMinVersion' is not a string", set(kVerificationPluginMinVersion, 1)},
      {"a verification plugin that is not named",
       [](Json& h) {
         h[kVerificationPluginMinVersion] = "1.0.0";
         h["crit"].push_back(kVerificationPluginMinVersion);
       }},
      {"must be spelt 'crit'", set("Crit", Json::array())},
      {"must be spelt 'alg'", set("ALG", "PS256")},
      {"must be spelt 'io.cncf.notary.expiry'", set("io.cncf.notary.Expiry", "x")},
      {"stands in both headers", set("x5c", Json::array({"AAAA"}))},
      {"is not an object", [](Json& h) { h = Json::array(); }},
  };
  for (const Row& row : rows) {
    const std::string why = with_protected(row.change);
    INFO(row.reason << " <> " << why);
    CHECK(why.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("a protected header may say more than is needed", "[trust]") {
  CHECK(with_protected([](Json&) {}).empty());
  CHECK(with_protected([](Json& h) { h["com.example.note"] = Json{{"a", 1}}; }).empty());
  CHECK(with_protected([](Json& h) { h[kSigningTime] = "2026-11-01T09:00:00.25+09:00"; }).empty());
}

TEST_CASE("a critical attribute that nobody knows is remembered", "[trust]") {
  const SignatureEnvelope envelope = must(parse_jws(vector_text("jws_unknown_crit")));
  CHECK(envelope.attributes.unknown_critical == std::vector<std::string>{"com.example.must"});
}

TEST_CASE("an envelope that is not the flattened form is refused", "[trust]") {
  struct Row {
    const char* reason;
    std::function<void(Json&)> change;
  };
  const std::vector<Row> rows{
      {"'payload' is missing", [](Json& e) { e.erase("payload"); }},
      {"'protected' is missing", [](Json& e) { e.erase("protected"); }},
      {"'signature' is missing", [](Json& e) { e.erase("signature"); }},
      {"'header' is missing", [](Json& e) { e.erase("header"); }},
      {"'header' is not an object", [](Json& e) { e["header"] = "x"; }},
      {"general serialisation", [](Json& e) { e["signatures"] = Json::array(); }},
      {"must be spelt 'payload'", [](Json& e) { e["Payload"] = e["payload"]; }},
      {"must be spelt 'signature'", [](Json& e) { e["\u017fignature"] = e["signature"]; }},
      {"must be spelt 'x5c'", [](Json& e) { e["header"]["X5c"] = e["header"]["x5c"]; }},
      {"must be spelt 'io.cncf.notary.timestampSignature'",
       [](Json& e) { e["header"]["io.cncf.notary.TimestampSignature"] = ""; }},
      {"the payload is empty", [](Json& e) { e["payload"] = ""; }},
      {"the signature is empty", [](Json& e) { e["signature"] = ""; }},
      {"alphabet", [](Json& e) { e["signature"] = e["signature"].get<std::string>() + "=="; }},
      {"alphabet", [](Json& e) { e["payload"] = "ab+/"; }},
      {"no certificate chain", [](Json& e) { e["header"].erase("x5c"); }},
      {"no certificate chain", [](Json& e) { e["header"]["x5c"] = Json::array(); }},
      {"is not an array", [](Json& e) { e["header"]["x5c"] = "AAAA"; }},
      {"malformed certificate", [](Json& e) { e["header"]["x5c"][0] = "AAAA"; }},
      {"malformed certificate", [](Json& e) { e["header"]["x5c"][0] = ""; }},
      {"chain is longer than 16",
       [](Json& e) { e["header"]["x5c"] = std::vector<std::string>(17, e["header"]["x5c"][0]); }},
      {"stands in both headers", [](Json& e) { e["header"]["alg"] = "PS256"; }},
      {"stands in both headers", [](Json& e) { e["header"]["crit"] = Json::array(); }},
      {"signingAgent' is not a string", [](Json& e) { e["header"][kSigningAgent] = 1; }},
      {"timestampSignature", [](Json& e) { e["header"][kTimestampSignature] = "?"; }},
  };
  for (const Row& row : rows) {
    Json envelope = vector_json("real-rsa2048-jws-plain");
    row.change(envelope);
    const std::string why = refusal(envelope);
    INFO(row.reason << " <> " << why);
    CHECK(why.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("a JWS may bring 16 certificates", "[trust]") {
  Json envelope = vector_json("real-rsa2048-jws-meta-expiry");
  envelope["header"]["x5c"] = std::vector<std::string>(16, envelope["header"]["x5c"][0]);
  CHECK(refusal(envelope).empty());
}

TEST_CASE("the algorithm comes from the key, whatever the header says", "[trust]") {
  Json envelope = vector_json("real-ec256-jws-plain");
  Json header = must(json::parse(decode(envelope["protected"]), kMaxEnvelope));
  for (const char* const algorithm : {"PS256", "ES384", "ES512", "PS512"}) {
    header["alg"] = algorithm;
    envelope["protected"] = encode(header.dump());
    const auto status = check_integrity(must(parse_jws(envelope.dump())));
    REQUIRE_FALSE(status);
    CHECK(status.error().message().find(algorithm) != std::string::npos);
  }
}

TEST_CASE("a payload that is no payload is refused", "[trust]") {
  for (const char* const bad : {"",
                                "[]",
                                "null",
                                "{}x",
                                R"({"targetArtifact":[]})",
                                R"({"targetartifact":{}})",
                                R"({"targetArtifact":{"size":-1}})",
                                R"({"targetArtifact":{"size":1.0}})",
                                R"({"targetArtifact":{"size":"1"}})",
                                R"({"targetArtifact":{"Digest":"x"}})",
                                R"({"targetArtifact":{"annotations":{"a":1}}})",
                                R"({"targetArtifact":{"size":1,"size":1}})"}) {
    INFO(bad);
    CHECK_FALSE(parse_payload(bad));
  }
  CHECK_FALSE(must(parse_payload("{}")).names(test::vector_subject()));
}

TEST_CASE("metadata is escaped as notation escapes it", "[trust]") {
  const Payload payload{"m", "d", 1, {{"k", "<&>\u2028é"}}};
  CHECK(print_payload(payload, EnvelopeFormat::kJws) ==
        R"({"targetArtifact":{"annotations":{"k":"\u003c\u0026\u003e\u2028é"},)"
        R"("digest":"d","mediaType":"m","size":1}})");
  CHECK(must(parse_payload(print_payload(payload, EnvelopeFormat::kJws))).annotations ==
        payload.annotations);
}

}  // namespace
}  // namespace mosb::trust
