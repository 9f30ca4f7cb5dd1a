#include "mosb/trust/trust_policy.h"

#include <functional>

#include <catch2/catch.hpp>

#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;

Json statement() {
  return Json{{"name", "s"},
              {"registryScopes", {"*"}},
              {"signatureVerification", {{"level", "strict"}}},
              {"trustStores", {"ca:a"}},
              {"trustedIdentities", {"*"}}};
}

std::string document(const Json& statements) {
  return Json{{"version", "1.0"}, {"trustPolicies", statements}}.dump();
}

std::string with(const std::function<void(Json&)>& change) {
  Json s = statement();
  change(s);
  return document(Json::array({s}));
}

/// The text of a refusal; "" if there is none.
std::string refusal(const std::string& text) {
  const auto policy = TrustPolicy::parse(text);
  if (policy) {
    return "";
  }
  CHECK(policy.error().code() == Errc::kPolicy);
  return policy.error().message();
}

TEST_CASE(
    "every trust policy that notation was given is judged as notation judged it, but for "
    "the list",
    "[trust][vectors]") {
  const Json differences = test::notation_json("differences.json")["policies"];
  std::size_t judged = 0;
  std::size_t different = 0;
  for (const Json& row : test::notation_json("trust-policy-cases.json")) {
    const std::string name = row.at("name");
    const Json& policy = row.at("policy");
    const std::string why = refusal(policy.is_string() ? policy.get<std::string>() : policy.dump());
    INFO(name << ": " << why << "; notation: " << row.at("message"));
    const bool notation_accepts = row.at("rc") == 0;
    const bool listed = differences.contains(name);
    CHECK(why.empty() == (listed ? !notation_accepts : notation_accepts));
    different += listed ? 1 : 0;
    ++judged;
  }
  CHECK(judged == 49);
  CHECK(different == differences.size());
}

TEST_CASE("every rule for a trust policy refuses with its own reason", "[trust]") {
  struct Row {
    const char* reason;
    std::string text;
  };
  const auto level = [](Json value) {
    return with([&](Json& s) { s["signatureVerification"] = std::move(value); });
  };
  const auto set = [](const char* name, Json value) {
    return with([&](Json& s) { s[name] = std::move(value); });
  };
  const std::vector<Row> rows{
      {"the version is missing", "{}"},
      {"unsupported version '2.0'", R"({"version":"2.0","trustPolicies":[]})"},
      {"unsupported version ''", R"({"version":"","trustPolicies":[]})"},
      {"no trust policy statements", R"({"version":"1.0"})"},
      {"no trust policy statements", document(Json::array())},
      {"has no name", set("name", "")},
      {"two trust policy statements are named 's'",
       document(Json::array({statement(), statement()}))},
      {"verification level is missing", level(Json::object())},
      {"invalid signature verification level 'Strict'", level({{"level", "Strict"}})},
      {"'skip' can't be overridden", level({{"level", "skip"}, {"override", {{"expiry", "log"}}}})},
      {"verification type 'x' is not supported",
       level({{"level", "strict"}, {"override", {{"x", "log"}}}})},
      {"verification action 'ignore' is not supported",
       level({{"level", "strict"}, {"override", {{"expiry", "ignore"}}}})},
      {"'integrity' can't be overridden",
       level({{"level", "strict"}, {"override", {{"integrity", "enforce"}}}})},
      {"'expiry' can't be skipped",
       level({{"level", "strict"}, {"override", {{"expiry", "skip"}}}})},
      {"'authenticTimestamp' can't be skipped",
       level({{"level", "strict"}, {"override", {{"authenticTimestamp", "skip"}}}})},
      {"verifyTimestamp must be", level({{"level", "strict"}, {"verifyTimestamp", "never"}})},
      {"level 'skip' must not have trust stores", level({{"level", "skip"}})},
      {"level 'skip' must not have trust stores", with([](Json& s) {
         s["signatureVerification"] = {{"level", "skip"}};
         s.erase("trustStores");
       })},
      {"level 'skip' must not have trust stores", with([](Json& s) {
         s["signatureVerification"] = {{"level", "skip"}};
         s.erase("trustedIdentities");
       })},
      {"verification level is missing", with([](Json& s) { s.erase("signatureVerification"); })},
      {"are missing", set("trustStores", Json::array())},
      {"are missing", set("trustedIdentities", Json::array())},
      {"malformed trust store 'a'", set("trustStores", {"a"})},
      {"unsupported trust store type", set("trustStores", {"CA:a"})},
      {"unsupported trust store name", set("trustStores", {"ca:"})},
      {"unsupported trust store name", set("trustStores", {"ca:a/b"})},
      {"unsupported trust store name", set("trustStores", {"ca:.."})},
      {"unsupported trust store name", set("trustStores", {"ca:."})},
      {"'*' stands beside others", set("trustedIdentities", {"*", "x509.subject:C=US,ST=WA,O=a"})},
      {"a trusted identity is empty", set("trustedIdentities", {""})},
      {"lacks its separator", set("trustedIdentities", {"C=US"})},
      {"has no value", set("trustedIdentities", {"x509.subject:"})},
      {"no attribute 'ST'", set("trustedIdentities", {"x509.subject:C=US,O=a"})},
      {"overlap",
       set("trustedIdentities",
           {"x509.subject:C=US,ST=WA,O=a", "x509.subject:C=US,ST=WA,O=a,OU=b"})},
      {"overlap",
       set("trustedIdentities",
           {"x509.subject:C=US,ST=WA,O=a,OU=b", "x509.subject:C=US,ST=WA,O=a"})},
      {"there are no registry scopes", set("registryScopes", Json::array())},
      {"'*' stands beside others", set("registryScopes", {"*", "a.io/b"})},
      {"'a.io/*' is not valid", set("registryScopes", {"a.io/*"})},
      {"'https://a.io/b' is not valid", set("registryScopes", {"https://a.io/b"})},
      {"'a.io/b' stands in the policy twice", set("registryScopes", {"a.io/b", "a.io/b"})},
      {"member 'name' is not a string", set("name", 1)},
      {"must be spelt 'trustStores'", set("truststores", {"ca:b"})},
      {"must be spelt 'override'", level({{"level", "strict"}, {"Override", {{"expiry", "log"}}}})},
      {"must be spelt 'trustPolicies'", R"({"version":"1.0","TrustPolicies":[]})"},
      {"stands twice", R"({"version":"1.0","version":"1.0","trustPolicies":[]})"},
      {"malformed JSON", document(Json::array({statement()})) + "x"},
      {"not an object", R"(["1.0"])"},
      {"statement is not an object", document(Json::array({1}))},
  };
  for (const Row& row : rows) {
    const std::string why = refusal(row.text);
    INFO(row.text << "\n" << why);
    CHECK(why.find(row.reason) != std::string::npos);
  }
}

TEST_CASE("two statements must not share a scope", "[trust]") {
  Json other = statement();
  other["name"] = "t";
  CHECK(refusal(document(Json::array({statement(), other}))).find("twice") != std::string::npos);
}

TEST_CASE("the levels and their overrides are the specification's table", "[trust]") {
  using Action = ValidationAction;
  const auto strict = must(VerificationLevel::make("strict", {}));
  CHECK(strict.revocation == Action::kEnforce);
  const auto permissive = must(VerificationLevel::make("permissive", {}));
  CHECK(permissive.authenticity == Action::kEnforce);
  CHECK(permissive.authentic_timestamp == Action::kLog);
  CHECK(permissive.expiry == Action::kLog);
  CHECK(permissive.revocation == Action::kLog);
  const auto audit = must(VerificationLevel::make("audit", {}));
  CHECK(audit.integrity == Action::kEnforce);
  CHECK(audit.authenticity == Action::kLog);
  CHECK(must(VerificationLevel::make("skip", {})).skips_everything());
  const auto custom = must(VerificationLevel::make(
      "audit", {{"authenticity", "enforce"}, {"expiry", "enforce"}, {"revocation", "skip"}}));
  CHECK(custom.name == "custom");
  CHECK(custom.authenticity == Action::kEnforce);
  CHECK(custom.expiry == Action::kEnforce);
  CHECK(custom.authentic_timestamp == Action::kLog);
  CHECK(custom.revocation == Action::kSkip);
}

TEST_CASE("an exact scope is taken before the wildcard, and nothing matches by prefix", "[trust]") {
  Json exact = statement();
  exact["name"] = "exact";
  exact["registryScopes"] = {"a.io/b"};
  const TrustPolicy both = must(TrustPolicy::parse(document(Json::array({statement(), exact}))));
  CHECK(must(both.select("a.io/b"))->name == "exact");
  CHECK(must(both.select("a.io/b/c"))->name == "s");
  CHECK(must(both.select("A.io/b"))->name == "s");
  const TrustPolicy one = must(TrustPolicy::parse(document(Json::array({exact}))));
  const auto none = one.select("a.io/c");
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::kPolicy);
  CHECK(none.error().hint().find("a.io/c") != std::string::npos);
  CHECK_FALSE(both.select("*"));
  CHECK_FALSE(both.select("a.io/b:1"));
}

TEST_CASE("verifyTimestamp is 'always' unless it is 'afterCertExpiry'", "[trust]") {
  const auto parsed = [](const Json& level) {
    const TrustPolicy policy =
        must(TrustPolicy::parse(with([&](Json& s) { s["signatureVerification"] = level; })));
    return policy.statements.front().verify_timestamp;
  };
  CHECK(parsed({{"level", "strict"}}) == VerifyTimestamp::kAlways);
  CHECK(parsed({{"level", "strict"}, {"verifyTimestamp", ""}}) == VerifyTimestamp::kAlways);
  CHECK(parsed({{"level", "strict"}, {"verifyTimestamp", "always"}}) == VerifyTimestamp::kAlways);
  CHECK(parsed({{"level", "strict"}, {"verifyTimestamp", "afterCertExpiry"}}) ==
        VerifyTimestamp::kAfterCertExpiry);
}

TEST_CASE("a trust store's name is made of letters, digits, '_', '.' and '-'", "[trust]") {
  for (const char* const name : {"a", "z", "A", "Z", "0", "9", "_", "-", "a.b", "...", "aZ_0-9."}) {
    INFO(name);
    CHECK(is_trust_store_name(name));
  }
  // The neighbours of each range, and what would lead out of the folder.
  for (const char* const name :
       {"", ".", "..", "`", "{", "@", "[", "/", ":", "a/b", "a b", "\xc3"}) {
    INFO(name);
    CHECK_FALSE(is_trust_store_name(name));
  }
  CHECK(is_trust_store_name(std::string(255, 'a')));
  CHECK_FALSE(is_trust_store_name(std::string(256, 'a')));
}

TEST_CASE("skipping the verification of everything is accepted with a warning", "[trust]") {
  const TrustPolicy policy = must(TrustPolicy::parse(
      document(Json::array({Json{{"name", "all"},
                                 {"registryScopes", {"*"}},
                                 {"signatureVerification", {{"level", "skip"}}}}}))));
  REQUIRE(policy.warnings.size() == 1);
  CHECK(policy.warnings.front().find("'all'") != std::string::npos);
  const TrustPolicy one = must(TrustPolicy::parse(
      document(Json::array({Json{{"name", "one"},
                                 {"registryScopes", {"a.io/b"}},
                                 {"signatureVerification", {{"level", "skip"}}}}}))));
  CHECK(one.warnings.empty());
}

TEST_CASE("a store that is listed twice is kept once", "[trust]") {
  const TrustPolicy policy = must(TrustPolicy::parse(with([](Json& s) {
    s["trustStores"] = {"ca:a", "tsa:a", "ca:a"};
  })));
  CHECK(policy.statements.front().trust_stores.size() == 2);
}

TEST_CASE("a policy with thousands of identities is refused without delay", "[trust]") {
  const auto many = [](int number) {
    Json identities = Json::array();
    for (int i = 0; i < number; ++i) {
      identities.push_back("x509.subject:C=US,ST=WA,O=a" + std::to_string(i));
    }
    return refusal(with([&](Json& s) { s["trustedIdentities"] = identities; }));
  };
  CHECK(many(1000).empty());
  CHECK(many(1001).find("more than 1000") != std::string::npos);
  CHECK(many(20000).find("more than 1000") != std::string::npos);
}

}  // namespace
}  // namespace mosb::trust
