#include <filesystem>
#include <functional>

#include <catch2/catch.hpp>

#include "mosb/base/file.h"
#include "mosb/trust/keyset.h"
#include "mosb/trust/sign.h"
#include "mosb/trust/timestamp_exchange.h"
#include "mosb/trust/verify.h"
#include "tests/trust/revocations.h"
#include "tests/trust/scripted_web.h"
#include "tests/trust/timestamps.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::must;

constexpr char kReplyType[] = "application/timestamp-reply";

struct Authority {
  test::Identity root = test::make_identity({"tsa root", nullptr, test::ca_extensions()});
  test::Identity signer =
      test::make_identity({"tsa signer", &root, test::timestamping_extensions()});

  std::string reply(const std::string& query, SystemTime time) const {
    return test::openssl_reply(query, {&signer, &root}, time);
  }
};

/// A keyset whose policy trusts a timestamping authority, and something to sign.
struct Signer {
  Authority tsa;
  TempDir temp = test::make_temp_dir();
  Keyset keyset;
  oci::Layout layout = test::layout_with_case(temp.path() + "/layout", "jws_empty_obj");
  SystemTime now = test::vector_clock().now() + hours(1);

  explicit Signer(SignatureAlgorithm algorithm = SignatureAlgorithm::kEs256)
      : keyset(must(
            create_keyset(temp.path() + "/keys", {"signer", algorithm}, test::vector_clock()))) {
    test::write_file(temp.path() + "/tsaroot.pem", tsa.root.certificate.to_pem());
  }

  test::ScriptedWeb honest() const {
    return test::ScriptedWeb([this](const WebRequest& request) -> Result<WebAnswer> {
      return WebAnswer{kReplyType, tsa.reply(request.content->bytes, now)};
    });
  }
  Result<oci::Descriptor> sign_with(Web& web) {
    const SigningKey key = must(load_signing_key(keyset.signing_key, keyset.signing_chain));
    SignRequest request{test::vector_subject(), key, std::nullopt, {}};
    const RevocationSources sources{&web, ""};
    request.timestamp_authority = TimestampAuthority{
        "http://tsa.example", must(load_timestamp_root(temp.path() + "/tsaroot.pem")), &sources};
    return sign(layout, request, FixedClock(now));
  }
  void trust_the_authority(const char* when = "always") const {
    const std::string dir = keyset.notation_dir + "/truststore/x509/tsa/stamps";
    std::filesystem::create_directories(dir);
    test::write_file(dir + "/root.pem", tsa.root.certificate.to_pem());
    for (const char* const name : {"/trustpolicy.json", "/trustpolicy.oci.json"}) {
      const std::string path = keyset.notation_dir + name;
      if (!std::filesystem::exists(path)) {
        continue;
      }
      Json policy = must(json::parse(must(read_file(path, ByteCount{kMiB})), ByteCount{kMiB}));
      for (Json& statement : policy["trustPolicies"]) {
        statement["trustStores"].push_back("tsa:stamps");
        statement["signatureVerification"]["verifyTimestamp"] = when;
      }
      test::write_file(path, policy.dump());
    }
  }
  Verification verify_at(SystemTime time, const RevocationSources* revocation = nullptr) {
    return must(verify(layout,
                       {test::vector_subject(), "local/mosb", {}, 100, revocation},
                       must(NotationConfig::open(keyset.notation_dir)),
                       FixedClock(time)));
  }
};

TEST_CASE(
    "a signature with a timestamp counts after its certificate has expired, one without does "
    "not",
    "[trust]") {
  for (const SignatureAlgorithm algorithm :
       {SignatureAlgorithm::kEs256, SignatureAlgorithm::kPs384, SignatureAlgorithm::kEs512}) {
    Signer signer(algorithm);
    test::ScriptedWeb web = signer.honest();
    must(signer.sign_with(web));
    const SystemTime late = signer.keyset.signing_not_after + hours(1);
    CHECK(signer.verify_at(late).refusal);
    signer.trust_the_authority();
    const Verification verification = signer.verify_at(late);
    INFO((verification.refusal ? verification.refusal->message() : ""));
    REQUIRE_FALSE(verification.refusal);
    CHECK(verification.report.signatures.back().authentic_timestamp == CheckResult::kPass);
  }
  Signer without;
  const SigningKey key =
      must(load_signing_key(without.keyset.signing_key, without.keyset.signing_chain));
  must(sign(without.layout, {test::vector_subject(), key, std::nullopt, {}}, test::vector_clock()));
  without.trust_the_authority();
  CHECK(without.verify_at(without.keyset.signing_not_after + hours(1)).refusal);
}

TEST_CASE("a timestamp of a revoked authority does not count", "[trust]") {
  Signer signer;
  test::Extensions about = test::timestamping_extensions();
  about.emplace_back(NID_crl_distribution_points, "URI:http://crl.example/a.crl");
  signer.tsa.signer = test::make_identity({"tsa signer", &signer.tsa.root, about});
  std::string crl = test::make_crl({.issuer = &signer.tsa.root});
  test::ScriptedWeb web([&](const WebRequest& request) -> Result<WebAnswer> {
    return request.content
               ? WebAnswer{kReplyType, signer.tsa.reply(request.content->bytes, signer.now)}
               : WebAnswer{"", crl};
  });
  must(signer.sign_with(web));
  signer.trust_the_authority();
  const RevocationSources sources{&web, ""};
  CHECK_FALSE(signer.verify_at(signer.now, &sources).refusal);
  CHECK(signer.verify_at(signer.now).refusal);
  crl = test::make_crl({.issuer = &signer.tsa.root, .revoked = {{&signer.tsa.signer}}});
  const Verification verification = signer.verify_at(signer.now, &sources);
  REQUIRE(verification.refusal);
  CHECK(verification.refusal->message().find("is revoked") != std::string::npos);
  CHECK(verification.report.signatures.back().authentic_timestamp == CheckResult::kFail);
  CHECK_FALSE(signer.sign_with(web));
}

TEST_CASE("a certificate's last second needs no timestamp yet", "[trust]") {
  Signer signer;
  const SigningKey key =
      must(load_signing_key(signer.keyset.signing_key, signer.keyset.signing_chain));
  must(sign(signer.layout, {test::vector_subject(), key, std::nullopt, {}}, test::vector_clock()));
  signer.trust_the_authority("afterCertExpiry");
  CHECK_FALSE(signer.verify_at(signer.keyset.signing_not_after).refusal);
  CHECK(signer.verify_at(signer.keyset.signing_not_after + seconds(1)).refusal);
}

TEST_CASE("a timestamping authority is asked with the signature's hash and a new nonce",
          "[trust]") {
  Signer signer;
  test::ScriptedWeb web = signer.honest();
  must(signer.sign_with(web));
  must(signer.sign_with(web));
  REQUIRE(web.requests().size() == 2);
  const WebRequest& first = web.requests().front();
  CHECK(first.url == "http://tsa.example");
  CHECK(first.content->media_type == "application/timestamp-query");
  CHECK(first.content->bytes != web.requests().back().content->bytes);
  CHECK(first.max_answer.value == kMiB);
  CHECK(first.timeout == seconds(15));
  // Version 1, an imprint of SHA-256, a nonce of 159 bits, certReq.
  CHECK(first.content->bytes.size() == 81);
  CHECK(first.content->bytes.substr(first.content->bytes.size() - 3) ==
        std::string("\x01\x01\xff", 3));
}

TEST_CASE("what a verifier would refuse as a timestamp ends the signing, and nothing is pushed",
          "[trust]") {
  using Reply = std::function<std::string(const Signer&, const std::string& query)>;
  const auto other_query = [](Sha2 hash, const char* message) {
    return must(TimestampQuery::make(hash, as_bytes(message))).der();
  };
  struct Row {
    const char* reason;
    Reply reply;
    std::string media_type = kReplyType;
    Errc code = Errc::kSignature;
  };
  const std::vector<Row> rows{
      {"another's bytes",
       [&](const Signer& s, const std::string&) {
         return s.tsa.reply(other_query(Sha2::k256, "other"), s.now);
       }},
      {"the answer to an earlier query",
       [&](const Signer& s, const std::string& query) {
         // The same imprint with another nonce: the nonce stands before certReq.
         std::string earlier = query;
         earlier[earlier.size() - 5] = static_cast<char>(earlier[earlier.size() - 5] ^ 1);
         return s.tsa.reply(earlier, s.now);
       }},
      {"a hash that it does not know",
       [](const Signer& s, const std::string& query) {
         std::string odd = query;
         odd[odd.find("\x60\x86\x48\x01\x65\x03\x04\x02\x01") + 8] = 0x08;
         return s.tsa.reply(odd, s.now);
       }},
      {"before the certificate",
       [](const Signer& s, const std::string& query) {
         return s.tsa.reply(query, s.now - hours(24 * 30));
       }},
      {"after the certificate",
       [](const Signer& s, const std::string& query) {
         return s.tsa.reply(query, s.keyset.signing_not_after + hours(24));
       }},
      {"another authority",
       [](const Signer& s, const std::string& query) { return Authority().reply(query, s.now); }},
      {"nothing", [](const Signer&, const std::string&) { return std::string(); }},
      {"garbage", [](const Signer&, const std::string&) { return std::string("garbage"); }},
      {"cut",
       [](const Signer& s, const std::string& query) {
         const std::string whole = s.tsa.reply(query, s.now);
         return whole.substr(0, whole.size() / 2);
       }},
      {"something behind it",
       [](const Signer& s, const std::string& query) { return s.tsa.reply(query, s.now) + "x"; }},
      {"a refusal in words",
       [](const Signer&, const std::string&) {
         const std::string text = test::der(0x30, test::der(0x0c, "too busy"));
         return test::der(0x30, test::der(0x30, std::string("\x02\x01\x02", 3) + text));
       }},
      {"another media type",
       [](const Signer& s, const std::string& query) { return s.tsa.reply(query, s.now); },
       "text/html",
       Errc::kNetwork},
  };
  for (const Row& row : rows) {
    Signer signer;
    const std::size_t before = must(signer.layout.referrers(test::vector_subject(), "")).size();
    test::ScriptedWeb web([&](const WebRequest& request) -> Result<WebAnswer> {
      return WebAnswer{row.media_type, row.reply(signer, request.content->bytes)};
    });
    const auto done = signer.sign_with(web);
    INFO(row.reason << ": " << (done ? "accepted" : done.error().message()));
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == row.code);
    CHECK(done.error().message().find("timestamp from 'http://tsa.example'") != std::string::npos);
    CHECK(must(signer.layout.referrers(test::vector_subject(), "")).size() == before);
  }
}

TEST_CASE("a timestamping authority that cannot be reached ends the signing", "[trust]") {
  Signer signer;
  test::ScriptedWeb web(
      [](const WebRequest&) -> Result<WebAnswer> { return Error(Errc::kNetwork, "no route"); });
  const auto done = signer.sign_with(web);
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::kNetwork);
}

TEST_CASE("the root of a timestamping authority is one self-signed authority", "[trust]") {
  const Authority tsa;
  const TempDir dir = test::make_temp_dir();
  const auto load = [&](const std::string& bytes) {
    test::write_file(dir.path() + "/root", bytes);
    return load_timestamp_root(dir.path() + "/root");
  };
  CHECK(load(tsa.root.certificate.to_pem()));
  for (const std::string& bad : {tsa.signer.certificate.to_pem(),
                                 tsa.root.certificate.to_pem() + tsa.root.certificate.to_pem(),
                                 std::string("no certificate"),
                                 std::string()}) {
    const auto root = load(bad);
    REQUIRE_FALSE(root);
    CHECK(root.error().code() == Errc::kUsage);
  }
  CHECK(load_timestamp_root(dir.path() + "/missing").error().code() == Errc::kNotFound);
}

}  // namespace
}  // namespace mosb::trust
