#include "mosb/trust/timestamp_token.h"

#include <functional>

#include <catch2/catch.hpp>

#include "mosb/base/rfc3339.h"
#include "mosb/trust/jws_envelope.h"
#include "tests/trust/timestamps.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::EssForm;
using test::must;

/// A timestamping authority: root, intermediate, signer.
struct Authority {
  test::Identity root = test::make_identity({"tsa root", nullptr, test::ca_extensions()});
  test::Identity middle = test::make_identity({"tsa ca", &root, test::ca_extensions()});
  test::Identity signer =
      test::make_identity({"tsa signer", &middle, test::timestamping_extensions()});

  test::TokenRecipe recipe() const {
    return {.content = test::make_tst_info({}), .signer = &signer, .certificates = {&middle}};
  }
};

const Authority& authority() {
  static const Authority made;
  return made;
}

Result<TimestampInfo> info(const test::TstInfoRecipe& recipe) {
  return TimestampInfo::parse(as_bytes(test::make_tst_info(recipe)));
}

Result<std::vector<Certificate>> path_of(const std::string& token) {
  return must(TimestampToken::parse(as_bytes(token))).signer_path({authority().root.certificate});
}

std::string why(const Result<std::vector<Certificate>>& path) {
  return path ? "accepted" : path.error().message();
}

SystemTime plain_time() {
  return must(info({})).time;
}

void replace_nth(std::string& text, const std::string& from, const std::string& to, int nth) {
  std::size_t at = text.find(from);
  for (; nth > 0; --nth) {
    at = text.find(from, at + 1);
  }
  REQUIRE(at != std::string::npos);
  text.replace(at, to.size(), to);
}

TEST_CASE("a timestamp says what it is about and between which times it was made", "[trust]") {
  const TimestampInfo plain = must(info({}));
  CHECK(to_rfc3339(plain.time) == "2026-11-22T12:00:00Z");
  CHECK(plain.earliest == plain.time);
  CHECK(plain.latest == plain.time);
  CHECK_FALSE(plain.nonce);
  CHECK(plain.check_imprint(as_bytes("signature")));
  CHECK_FALSE(plain.check_imprint(as_bytes("another")));
  CHECK(must(info({.imprint_hash = EVP_sha384()})).check_imprint(as_bytes("signature")));
  CHECK(must(info({.imprint_hash = EVP_sha512()})).check_imprint(as_bytes("signature")));
  CHECK(must(info({.nonce = 258})).nonce == Bytes{std::byte{1}, std::byte{2}});
}

TEST_CASE("a timestamp's bounds are widened to whole seconds by its fraction and accuracy",
          "[trust]") {
  const auto bounds = [](const std::string& time,
                         std::optional<std::array<long, 3>> accuracy,
                         const char* policy = "1.2.3.4") {
    const TimestampInfo i = must(info({.time = time, .policy = policy, .accuracy = accuracy}));
    return to_rfc3339(i.earliest).substr(11, 8) + " " + to_rfc3339(i.latest).substr(11, 8);
  };
  CHECK(bounds("20261122120000.5Z", {}) == "12:00:00 12:00:01");
  CHECK(bounds("20261122120000.0000001Z", {}) == "12:00:00 12:00:01");
  CHECK(bounds("20261122120000.9999999Z", {}) == "12:00:00 12:00:01");
  CHECK(bounds("20261122120000Z", {{2, 0, 0}}) == "11:59:58 12:00:02");
  CHECK(bounds("20261122120000Z", {{0, 1, 0}}) == "11:59:59 12:00:01");
  CHECK(bounds("20261122120000Z", {{0, 0, 1}}) == "11:59:59 12:00:01");
  CHECK(bounds("20261122120000.5Z", {{0, 500, 0}}) == "12:00:00 12:00:01");
  // An authority that follows the best practices and says nothing is good to a second.
  CHECK(bounds("20261122120000Z", {}, "0.4.0.2023.1.1") == "11:59:59 12:00:01");
  CHECK(bounds("20261122120000Z", {{0, 5, 0}}, "0.4.0.2023.1.1") == "11:59:59 12:00:01");
  CHECK(bounds("20261122120000Z", {{2, 0, 0}}, "0.4.0.2023.1.1") == "11:59:58 12:00:02");
  CHECK(bounds("20261122120000Z", {}, "0.4.0.2023.1.2") == "12:00:00 12:00:00");
  // Six digits are exact, the seventh is rounded up.
  CHECK(bounds("20261122120000.999999Z", {{0, 0, 1}}) == "12:00:00 12:00:01");
  CHECK(bounds("20261122120000.9999991Z", {{0, 0, 1}}) == "12:00:00 12:00:02");
  // The largest parts that there may be.
  CHECK(bounds("20261122120000Z", {{1, 999, 999}}) == "11:59:58 12:00:02");
  CHECK(must(info({.accuracy = {{1'000'000'000, 0, 0}}})).latest - plain_time() ==
        std::chrono::seconds(1'000'000'000));
  CHECK(must(info({.accuracy_der = test::der(0x02, std::string(1, '\0'))})).latest == plain_time());
}

TEST_CASE("a timestamp that is not one as specified is refused", "[trust]") {
  const std::vector<std::pair<test::TstInfoRecipe, const char*>> rows{
      {{.imprint_hash = EVP_sha1()}, "hash is not accepted"},
      {{.imprint_hash = EVP_sha224()}, "hash is not accepted"},
      {{.version = 2}, "version"},
      {{.time = "20261122120000"}, "in UTC"},
      {{.time = "20261122120000+0100"}, "in UTC"},
      {{.time = "202611221200Z"}, "in UTC"},
      {{.time = "20261322120000Z"}, "in UTC"},
      {{.time = "20261122120000.Z"}, "in UTC"},
      {{.time = "20261122120000.50Z"}, "fraction"},
      {{.time = "20261122120000,5Z"}, "in UTC"},
      {{.time = ""}, "in UTC"},
      {{.time = "Z"}, "in UTC"},
      {{.time = "2026112212000Z"}, "in UTC"},
      {{.accuracy = {{-1, 0, 0}}}, "accuracy"},
      {{.accuracy = {{1'000'000'001, 0, 0}}}, "accuracy"},
      {{.accuracy_der = test::der(0x02, "\x01" + std::string(8, '\0'))}, "accuracy"},
      {{.accuracy = {{2'000'000'000, 0, 0}}}, "accuracy"},
      {{.accuracy = {{0, 1000, 0}}}, "accuracy"},
      {{.accuracy = {{0, 0, 1000}}}, "accuracy"},
  };
  for (const auto& [recipe, reason] : rows) {
    const auto parsed = info(recipe);
    INFO(recipe.time << " " << reason << ": " << (parsed ? "accepted" : parsed.error().message()));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kSignature);
    CHECK(parsed.error().message().find(reason) != std::string::npos);
  }
  CHECK_FALSE(TimestampInfo::parse({}));
  CHECK_FALSE(TimestampInfo::parse(as_bytes(test::make_tst_info({}) + "x")));
}

TEST_CASE("a timestamp counts where every certificate was valid at all the times it can mean",
          "[trust]") {
  const TimestampInfo at = must(info({.accuracy = {{1, 0, 0}}}));
  const auto within = [&](SystemTime from, SystemTime to) {
    const test::Identity leaf = test::make_identity({.name = "leaf",
                                                     .extensions = test::code_signing_extensions(),
                                                     .not_before = from,
                                                     .not_after = to});
    return at.check_within_validity({leaf.certificate}).has_value();
  };
  const auto second = std::chrono::seconds(1);
  CHECK(within(at.time - second, at.time + second));
  CHECK_FALSE(within(at.time, at.time + second));
  CHECK_FALSE(within(at.time - second, at.time));
}

TEST_CASE("a token of an authority with a certificate in the trust store has a path", "[trust]") {
  const auto path = must(path_of(test::make_token(authority().recipe())));
  REQUIRE(path.size() == 3);
  CHECK(path[0] == authority().signer.certificate);
  CHECK(path[1] == authority().middle.certificate);
  CHECK(path[2] == authority().root.certificate);
  test::TokenRecipe by_issuer = authority().recipe();
  by_issuer.ess = EssForm::kV2WithIssuer;
  by_issuer.digest = EVP_sha512();
  CHECK(why(path_of(test::make_token(by_issuer))) == "accepted");
}

TEST_CASE("of several signers one must be good, and there must not be many", "[trust]") {
  test::TokenRecipe recipe = authority().recipe();
  // A token lists the shorter signer first, so that each of them is the first one once.
  for (const char* const name : {"s", "a stranger of a long name"}) {
    INFO(name);
    const test::Identity stranger =
        test::make_identity({name, nullptr, test::timestamping_extensions()});
    recipe.signer = &authority().signer;
    recipe.other_signers = {&stranger};
    CHECK(must(path_of(test::make_token(recipe))).front() == authority().signer.certificate);
    recipe.signer = &stranger;
    recipe.other_signers = {};
    CHECK_FALSE(path_of(test::make_token(recipe)));
  }
  std::vector<test::Identity> crowd;
  for (int i = 0; i < 8; ++i) {
    crowd.push_back(test::make_identity({"one of many", nullptr, {}}));
  }
  recipe = authority().recipe();
  for (const test::Identity& one : crowd) {
    recipe.other_signers.push_back(&one);
  }
  CHECK_FALSE(TimestampToken::parse(as_bytes(test::make_token(recipe))));
}

TEST_CASE("a signer that is named by its key only is refused", "[trust]") {
  test::Extensions extensions = test::timestamping_extensions();
  extensions.emplace_back(NID_subject_key_identifier, "hash");
  const test::Identity signer = test::make_identity({"by key", &authority().middle, extensions});
  test::TokenRecipe recipe = authority().recipe();
  recipe.signer = &signer;
  CHECK(why(path_of(test::make_token(recipe))) == "accepted");
  recipe.signer_by_key_id = true;
  CHECK(why(path_of(test::make_token(recipe))).find("issuer and serial number") !=
        std::string::npos);
}

TEST_CASE("what is no timestamp token is refused before anything of it is believed", "[trust]") {
  const std::string good = test::make_token(authority().recipe());
  struct Row {
    const char* reason;
    std::string bytes;
  };
  test::TokenRecipe data = authority().recipe();
  data.content_type = NID_pkcs7_enveloped;
  std::string version = good;
  // SignedData's version stands before its digest algorithms.
  replace_nth(version, std::string("\x02\x01\x03", 3), std::string("\x02\x01\x04", 3), 0);
  test::TokenRecipe broken = authority().recipe();
  broken.content = "\x30\x03\x02\x01\x01";
  for (const Row& row : {Row{"malformed", ""},
                         Row{"malformed", "garbage"},
                         Row{"something follows", good + "x"},
                         Row{"malformed", good.substr(0, good.size() / 2)},
                         Row{"version 3", version},
                         Row{"no timestamp", test::make_token(data)},
                         Row{"malformed timestamp:", test::make_token(broken)},
                         Row{"more than", std::string(kMaxTimestampToken.value + 1, '0')}}) {
    const auto token = TimestampToken::parse(as_bytes(row.bytes));
    INFO(row.reason << ": " << (token ? "accepted" : token.error().message()));
    REQUIRE_FALSE(token);
    CHECK(token.error().code() == Errc::kSignature);
    CHECK(token.error().message().find(row.reason) != std::string::npos);
  }
  test::TokenRecipe crowded = authority().recipe();
  std::vector<test::Identity> crowd;
  for (int i = 0; i < 32; ++i) {
    crowd.push_back(test::make_identity({"one of many"}));
  }
  for (const test::Identity& one : crowd) {
    crowded.certificates.push_back(&one);
  }
  CHECK_FALSE(TimestampToken::parse(as_bytes(test::make_token(crowded))));
}

TEST_CASE("a token whose signer is not named and held as specified is refused", "[trust]") {
  struct Row {
    const char* reason;
    std::function<void(test::TokenRecipe&)> change;
  };
  const std::vector<Row> rows{
      {"signing-certificate-v2", [](auto& t) { t.ess = EssForm::kNone; }},
      {"signing-certificate-v2", [](auto& t) { t.ess = EssForm::kV1; }},
      {"hash that is not accepted", [](auto& t) { t.ess = EssForm::kV2Sha1; }},
      {"does not hold", [](auto& t) { t.ess = EssForm::kV2WithWrongHash; }},
      {"does not hold", [](auto& t) { t.ess = EssForm::kV2WithWrongIssuer; }},
      {"does not hold", [](auto& t) { t.ess = EssForm::kV2WithWrongSerial; }},
      {"does not hold", [](auto& t) { t.holds_signer = false; }},
      {"hash that is not accepted", [](auto& t) { t.digest = EVP_sha1(); }},
      {"signing time", [](auto& t) { t.signing_time = "250101000000Z"; }},
      {"no path", [](auto& t) { t.certificates.clear(); }},
      {"no path", [](auto& t) { t.content = test::make_tst_info({.time = "20250101000000Z"}); }},
      {"no path", [](auto& t) { t.content = test::make_tst_info({.time = "20410101000000Z"}); }},
  };
  for (const Row& row : rows) {
    test::TokenRecipe recipe = authority().recipe();
    row.change(recipe);
    const auto path = path_of(test::make_token(recipe));
    INFO(row.reason << ": " << why(path));
    CHECK_FALSE(path);
    CHECK(why(path).find(row.reason) != std::string::npos);
  }
}

TEST_CASE("a token's signer must be the one that both of its names mean", "[trust]") {
  // Two certificates for one key, so that the signature does not tell.
  const test::Identity twin = test::make_identity({.name = "twin",
                                                   .issuer = &authority().middle,
                                                   .extensions = test::timestamping_extensions(),
                                                   .key_of = &authority().signer});
  test::TokenRecipe recipe = authority().recipe();
  recipe.certificates.push_back(&twin);
  REQUIRE(why(path_of(test::make_token(recipe))) == "accepted");
  recipe.named = &twin;
  CHECK(why(path_of(test::make_token(recipe))).find("does not hold") != std::string::npos);
}

TEST_CASE("a token may be signed by RSA, RSA-PSS and ECDSA, with one hash for all of it",
          "[trust]") {
  const test::Identity rsa = test::make_identity({.name = "rsa signer",
                                                  .issuer = &authority().middle,
                                                  .extensions = test::timestamping_extensions(),
                                                  .rsa_bits = 2048});
  const auto verdict = [&](const test::Identity& signer, int said, bool is_pss = false) {
    test::TokenRecipe recipe = authority().recipe();
    recipe.signer = &signer;
    recipe.said_algorithm = said;
    recipe.is_pss = is_pss;
    return why(path_of(test::make_token(recipe)));
  };
  const test::Identity& ec = authority().signer;
  CHECK(verdict(rsa, NID_undef) == "accepted");
  CHECK(verdict(rsa, NID_rsaEncryption) == "accepted");
  CHECK(verdict(rsa, NID_sha256WithRSAEncryption) == "accepted");
  CHECK(verdict(rsa, NID_undef, true) == "accepted");
  CHECK(verdict(ec, NID_ecdsa_with_SHA256) == "accepted");
  for (const auto& [signer, said] : {std::pair(&rsa, NID_sha384WithRSAEncryption),
                                     std::pair(&rsa, NID_sha1WithRSAEncryption),
                                     std::pair(&ec, NID_ecdsa_with_SHA384),
                                     std::pair(&ec, NID_ecdsa_with_SHA1),
                                     std::pair(&ec, NID_dsa_with_SHA256),
                                     std::pair(&ec, NID_ED25519),
                                     std::pair(&ec, NID_commonName)}) {
    INFO(OBJ_nid2sn(said));
    CHECK(verdict(*signer, said).find("algorithm that is not accepted") != std::string::npos);
  }
}

TEST_CASE("a token may say when it was signed, as a time and at a good one, or not", "[trust]") {
  const auto verdict = [](const std::string& time, int type) {
    test::TokenRecipe recipe = authority().recipe();
    recipe.signing_time = time;
    recipe.signing_time_type = type;
    return why(path_of(test::make_token(recipe)));
  };
  CHECK(verdict("261122120000Z", V_ASN1_UTCTIME) == "accepted");
  CHECK(verdict("20261122120000Z", V_ASN1_GENERALIZEDTIME) == "accepted");
  CHECK(verdict("20250101000000Z", V_ASN1_GENERALIZEDTIME).find("signing time") !=
        std::string::npos);
  for (const auto& [time, type] : {std::pair("261122120000Z", V_ASN1_UTF8STRING),
                                   std::pair("garbage", V_ASN1_UTCTIME),
                                   std::pair("garbage", V_ASN1_GENERALIZEDTIME)}) {
    CHECK(verdict(time, type).find("does not decode") != std::string::npos);
  }
  test::TokenRecipe recipe = authority().recipe();
  recipe.time = test::TokenRecipe::Time::kAbsent;
  CHECK(why(path_of(test::make_token(recipe))) == "accepted");
  recipe.time = test::TokenRecipe::Time::kEmpty;
  CHECK(why(path_of(test::make_token(recipe))).find("invalid signature") != std::string::npos);
}

TEST_CASE("a token without the signed hash of its content is refused", "[trust]") {
  std::string without = test::make_token(authority().recipe());
  replace_nth(without,
              std::string("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04", 9),
              std::string("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x63", 9),
              0);
  CHECK(why(path_of(without)).find("something else than what was signed") != std::string::npos);
}

TEST_CASE("a token that was changed after it was signed is refused", "[trust]") {
  const std::string good = test::make_token(authority().recipe());
  std::string content = good;
  replace_nth(content, "20261122", "20261121", 0);
  CHECK(why(path_of(content)).find("something else") != std::string::npos);
  std::string signature = good;
  signature.back() = static_cast<char>(signature.back() ^ 1);
  CHECK(why(path_of(signature)).find("invalid signature") != std::string::npos);
  std::string type = good;
  const std::string oid("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04", 11);
  replace_nth(type, oid, std::string("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x05", 11), 1);
  CHECK(why(path_of(type)).find("content type") != std::string::npos);
  std::string time = good;
  replace_nth(time, "261122120000Z", "261123120000Z", 1);
  CHECK(why(path_of(time)).find("invalid signature") != std::string::npos);
}

TEST_CASE("a token of an authority that is not fit for timestamping is refused", "[trust]") {
  const Authority& tsa = authority();
  const auto leaf = [&](const test::Extensions& extensions) {
    return test::make_identity({"odd signer", &tsa.middle, extensions});
  };
  const auto stamping = test::timestamping_extensions();
  const auto refused = [&](const test::Identity& signer,
                           const std::vector<const test::Identity*>& others,
                           const std::vector<Certificate>& roots) {
    test::TokenRecipe recipe = tsa.recipe();
    recipe.signer = &signer;
    recipe.certificates = others;
    return !must(TimestampToken::parse(as_bytes(test::make_token(recipe)))).signer_path(roots);
  };
  const std::vector<Certificate> roots{tsa.root.certificate};
  CHECK_FALSE(refused(leaf(stamping), {&tsa.middle}, roots));
  for (const test::Extensions& odd :
       {test::with(stamping, NID_ext_key_usage, ""),
        test::with(stamping, NID_ext_key_usage, "timeStamping"),
        test::with(stamping, NID_ext_key_usage, "critical,timeStamping,codeSigning"),
        test::with(stamping, NID_ext_key_usage, "critical,codeSigning"),
        test::with(stamping, NID_ext_key_usage, "critical,anyExtendedKeyUsage"),
        test::with(stamping, NID_key_usage, ""),
        test::with(stamping, NID_key_usage, "critical,nonRepudiation"),
        test::with(stamping, NID_key_usage, "critical,digitalSignature,keyEncipherment"),
        test::with(stamping, NID_basic_constraints, "critical,CA:TRUE")}) {
    const test::Identity signer = leaf(odd);
    INFO(odd.back().second);
    CHECK(refused(signer, {&tsa.middle}, roots));
  }
  const test::Identity weak = test::make_identity(
      {.name = "weak", .issuer = &tsa.middle, .extensions = stamping, .curve = "P-224"});
  CHECK(refused(weak, {&tsa.middle}, roots));
  const test::Identity other_root =
      test::make_identity({"tsa root", nullptr, test::ca_extensions()});
  CHECK(refused(tsa.signer, {&tsa.middle}, {other_root.certificate}));
  CHECK(refused(tsa.signer, {&tsa.middle}, {}));
  for (const test::Extensions& odd :
       {test::with(test::ca_extensions(), NID_ext_key_usage, "codeSigning"),
        test::with(test::ca_extensions(), NID_key_usage, "critical,cRLSign"),
        test::with(test::ca_extensions(), NID_key_usage, ""),
        test::with(test::ca_extensions(), NID_basic_constraints, "CA:TRUE"),
        test::with(test::ca_extensions(), NID_basic_constraints, "critical,CA:FALSE")}) {
    const test::Identity middle = test::make_identity({"odd ca", &tsa.root, odd});
    const test::Identity signer = test::make_identity({"signer", &middle, stamping});
    INFO(odd.back().second);
    CHECK(refused(signer, {&middle}, roots));
  }
  const test::Identity short_path = test::make_identity(
      {"short",
       &tsa.root,
       test::with(test::ca_extensions(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0")});
  const test::Identity below = test::make_identity({"below", &short_path, test::ca_extensions()});
  const test::Identity signer = test::make_identity({"signer", &below, stamping});
  CHECK(refused(signer, {&short_path, &below}, roots));
}

TEST_CASE("an authority's certificates may have expired since", "[trust]") {
  const SystemTime until = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);
  const Authority& tsa = authority();
  const test::Identity signer = test::make_identity({.name = "expired",
                                                     .issuer = &tsa.middle,
                                                     .extensions = test::timestamping_extensions(),
                                                     .not_after = until});
  test::TokenRecipe recipe = tsa.recipe();
  recipe.signer = &signer;
  CHECK(why(path_of(test::make_token(recipe))) == "accepted");
}

TEST_CASE("a real token parses, and no beginning of it does", "[trust]") {
  const Bytes token =
      must(parse_jws(test::notation_file("cases/ts_jws__tsa/signature.jws"))).timestamp;
  REQUIRE(TimestampToken::parse(token));
  for (std::size_t size = 0; size < token.size(); size += 7) {
    CHECK_FALSE(TimestampToken::parse(ByteView(token).first(size)));
  }
}

}  // namespace
}  // namespace mosb::trust
