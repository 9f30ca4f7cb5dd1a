#include "mosb/trust/verify.h"

#include <filesystem>
#include <functional>

#include <catch2/catch.hpp>

#include "mosb/oci/media_types.h"
#include "mosb/trust/revocation.h"
#include "mosb/trust/signature_envelope.h"
#include "tests/trust/scripted_web.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;

constexpr char kScope[] = "registry.example/app";

/// A layout with one of the cases in it and a configuration.
struct Host {
  TempDir temp = test::make_temp_dir();
  std::string dir = temp.path() + "/config";
  oci::Layout layout;
  VerifyRequest request{test::vector_subject(), kScope, {}, 100};

  explicit Host(const std::string& name = "real-rsa2048-jws-plain",
                const std::string& config = "strict")
      : layout(test::layout_with_case(temp.path() + "/layout", name)) {
    test::copy_tree(test::notation_data("configs/" + config), dir);
  }
  void edit_policy(const std::function<void(Json&)>& change) const {
    Json policy = test::notation_json("configs/strict/trustpolicy.json");
    change(policy["trustPolicies"][0]);
    test::write_file(dir + "/trustpolicy.json", policy.dump());
  }
  NotationConfig config() const { return must(NotationConfig::open(dir)); }
  Verification judge() { return must(verify(layout, request, config(), test::vector_clock())); }
  /// Attaches a signature manifest with these layers.
  void attach(const std::vector<oci::Descriptor>& layers) {
    Json manifest{{"schemaVersion", 2},
                  {"mediaType", oci::kImageManifest},
                  {"config", oci::to_json(oci::describe(oci::kNotarySignature, "{}"))},
                  {"layers", Json::array()},
                  {"subject", oci::to_json(oci::bare(request.subject))}};
    for (const oci::Descriptor& layer : layers) {
      manifest["layers"].push_back(oci::to_json(layer));
    }
    const std::string bytes = manifest.dump();
    oci::Descriptor descriptor = oci::describe(oci::kImageManifest, bytes);
    descriptor.artifact_type = oci::kNotarySignature;
    must(layout.push_referrer(descriptor, bytes, request.subject));
  }
};

Error refusal_of(const Verification& verification) {
  REQUIRE(verification.refusal);
  CHECK(verification.report.outcome == Outcome::kFailed);
  return *verification.refusal;
}

TEST_CASE("an accepted image is admitted with its manifest and report", "[trust]") {
  Host host("real-rsa2048-jws-meta-expiry");
  const AdmittedManifest admitted =
      must(admit(host.layout, host.request, host.config(), test::vector_clock()));
  CHECK(admitted.manifest->config.media_type == oci::kImageConfig);
  CHECK((*admitted.manifest).layers.size() == 1);
  CHECK(admitted.report.outcome == Outcome::kVerified);
  CHECK(admitted.report.policy == "vectors");
  CHECK(admitted.report.level == "strict");
  CHECK(admitted.report.metadata.at("io.example.buildId") == "42");
}

TEST_CASE("a refused image is not admitted", "[trust]") {
  Host host("jws_altered_payload");
  const auto admitted = admit(host.layout, host.request, host.config(), test::vector_clock());
  REQUIRE_FALSE(admitted);
  CHECK(admitted.error().code() == Errc::kSignature);
}

TEST_CASE("an image admitted without verification says so", "[trust]") {
  Host host("jws_empty_obj");
  const AdmittedManifest admitted = must(admit_unverified(host.layout, host.request.subject));
  CHECK(admitted.report.outcome == Outcome::kSkipped);
  CHECK(admitted.report.policy == "insecure-skip-signature");
  CHECK(admitted.report.warnings.size() == 1);
}

TEST_CASE("an unsigned image is refused at every level but skip", "[trust]") {
  for (const char* const config : {"strict", "permissive", "audit"}) {
    Host host("jws_empty_obj", config);
    // An artifact that nothing refers to.
    host.request.subject = oci::describe(oci::kImageManifest, "{}");
    const Error error = refusal_of(host.judge());
    CHECK(error.code() == Errc::kSignature);
    CHECK(error.message().find("no signature") != std::string::npos);
    CHECK(error.hint().find("mosb sign") != std::string::npos);
  }
  Host host("jws_empty_obj", "skip");
  const Verification skipped = host.judge();
  CHECK_FALSE(skipped.refusal);
  CHECK(skipped.report.outcome == Outcome::kSkipped);
  CHECK(skipped.report.signatures.empty());
  CHECK(skipped.report.warnings.size() == 1);
}

TEST_CASE("without an applicable statement nothing is accepted", "[trust]") {
  Host host;
  host.edit_policy([](Json& s) { s["registryScopes"] = {"registry.example/other"}; });
  const Error error = refusal_of(host.judge());
  CHECK(error.code() == Errc::kPolicy);
  CHECK(error.hint().find(kScope) != std::string::npos);
  host.request.scope = "registry.example/other";
  CHECK_FALSE(host.judge().refusal);
  host.request.scope = "Not A Scope";
  CHECK(refusal_of(host.judge()).code() == Errc::kPolicy);
}

TEST_CASE("an identity that is not trusted is a matter of policy", "[trust]") {
  Host host("anchor_id_bad", "id-bad");
  CHECK(refusal_of(host.judge()).code() == Errc::kPolicy);
  host.edit_policy([](Json& s) { s["trustedIdentities"] = {"did:example"}; });
  const Error error = refusal_of(host.judge());
  CHECK(error.code() == Errc::kPolicy);
  CHECK(error.message().find("no x509.subject identities") != std::string::npos);
}

TEST_CASE("a missing trust store refuses when authenticity is enforced and warns at audit",
          "[trust]") {
  Host host("real-rsa2048-jws-plain", "aud-nostore");
  const Verification audited = host.judge();
  CHECK_FALSE(audited.refusal);
  CHECK(audited.report.signatures.back().authenticity == CheckResult::kLogged);
  REQUIRE(audited.report.warnings.size() == 1);
  CHECK(audited.report.warnings.front().find("ca:nope") != std::string::npos);
  host.edit_policy([](Json& s) { s["trustStores"] = {"ca:nope"}; });
  const Error error = refusal_of(host.judge());
  CHECK(error.code() == Errc::kPolicy);
  CHECK(error.hint().find("mosb trust store add") != std::string::npos);
}

TEST_CASE("a store of the wrong type does not help", "[trust]") {
  Host host;
  host.edit_policy([](Json& s) { s["trustStores"] = {"signingAuthority:vectors"}; });
  CHECK(refusal_of(host.judge()).message().find("no trust store of type ca") != std::string::npos);
}

TEST_CASE("checks that policy only logs are told and do not refuse", "[trust]") {
  Host host("jws_expired", "permissive");
  const Verification verification = host.judge();
  CHECK_FALSE(verification.refusal);
  CHECK(verification.report.signatures.back().expiry_check == CheckResult::kLogged);
  CHECK(verification.report.signatures.back().authenticity == CheckResult::kPass);
  REQUIRE(verification.report.warnings.size() == 1);
  CHECK(verification.report.warnings.front().find("expired") != std::string::npos);
}

TEST_CASE("a failed check ends the verification of its signature", "[trust]") {
  Host host("jws_expired");
  const Verification verification = host.judge();
  const SignatureReport& report = verification.report.signatures.back();
  CHECK(report.integrity == CheckResult::kPass);
  CHECK(report.authenticity == CheckResult::kPass);
  CHECK(report.expiry_check == CheckResult::kFail);
  CHECK(report.authentic_timestamp == CheckResult::kSkipped);
  CHECK(report.revocation == CheckResult::kSkipped);
  CHECK(report.outcome == Outcome::kFailed);
}

TEST_CASE("revocation that cannot be found out is enforced, logged or skipped as policy says",
          "[trust]") {
  test::ScriptedWeb away(
      [](const WebRequest&) -> Result<WebAnswer> { return Error(Errc::kNetwork, "no route"); });
  const RevocationSources sources{&away, ""};
  const auto result = [&](const char* action) {
    Host host("rev_crl_clean");
    host.request.revocation = &sources;
    host.edit_policy([&](Json& s) {
      s["signatureVerification"]["override"] = {{"revocation", action}};
    });
    return host.judge();
  };
  const Verification enforced = result("enforce");
  CHECK(refusal_of(enforced).message().find("no route") != std::string::npos);
  CHECK(enforced.report.signatures.back().revocation == CheckResult::kFail);
  const Verification logged = result("log");
  CHECK_FALSE(logged.refusal);
  CHECK(logged.report.signatures.back().revocation == CheckResult::kLogged);
  CHECK(logged.report.warnings.size() == 1);
  const std::size_t asked = away.requests().size();
  CHECK(asked == 2);
  const Verification skipped = result("skip");
  CHECK_FALSE(skipped.refusal);
  CHECK(skipped.report.signatures.back().revocation == CheckResult::kSkipped);
  CHECK(skipped.report.warnings.empty());
  CHECK(away.requests().size() == asked);
}

TEST_CASE("nobody is sent to the servers that a stranger's certificate names", "[trust]") {
  test::ScriptedWeb web(
      [](const WebRequest&) -> Result<WebAnswer> { return Error(Errc::kNetwork, "asked"); });
  const RevocationSources sources{&web, ""};
  Host host("rev_crl_clean");
  host.request.revocation = &sources;
  host.edit_policy([](Json& s) { s["signatureVerification"]["level"] = "audit"; });
  std::filesystem::remove(host.dir + "/truststore/x509/ca/vectors/root.crt");
  test::write_file(host.dir + "/truststore/x509/ca/vectors/other.crt",
                   test::notation_file("pki/otherroot.crt"));
  const Verification verification = host.judge();
  CHECK_FALSE(verification.refusal);
  CHECK(verification.report.signatures.back().authenticity == CheckResult::kLogged);
  CHECK(verification.report.signatures.back().revocation == CheckResult::kLogged);
  CHECK(web.requests().empty());
}

TEST_CASE("a timestamp is checked where policy asks for it, and its failure is enforced or logged",
          "[trust]") {
  const auto result = [](const char* name, const char* config, const char* action) {
    Host host(name, config);
    Json policy = test::notation_json(std::string("configs/") + config + "/trustpolicy.json");
    policy["trustPolicies"][0]["signatureVerification"]["override"] = {
        {"authenticTimestamp", action}};
    test::write_file(host.dir + "/trustpolicy.json", policy.dump());
    return host.judge();
  };
  const Verification good = result("ts_jws__tsa", "tsa", "enforce");
  CHECK_FALSE(good.refusal);
  CHECK(good.report.signatures.back().authentic_timestamp == CheckResult::kPass);
  const Verification wrong = result("ts_jws__tsa", "tsa-wrong", "enforce");
  CHECK(refusal_of(wrong).message().find("timestamp") != std::string::npos);
  CHECK(wrong.report.signatures.back().authentic_timestamp == CheckResult::kFail);
  CHECK(wrong.report.signatures.back().revocation == CheckResult::kSkipped);
  const Verification logged = result("ts_jws__tsa", "tsa-wrong", "log");
  CHECK_FALSE(logged.refusal);
  CHECK(logged.report.signatures.back().authentic_timestamp == CheckResult::kLogged);
  CHECK(logged.report.warnings.size() == 1);
  const Verification missing = result("jws_pretty", "tsa", "enforce");
  CHECK(refusal_of(missing).message().find("there is no timestamp") != std::string::npos);
}

TEST_CASE("a timestamp of another signature does not count", "[trust]") {
  const auto envelope = [](const std::string& name) {
    return must(json::parse(test::notation_file("cases/" + name + "/signature.jws"), kMaxEnvelope));
  };
  constexpr char kToken[] = "io.cncf.notary.timestampSignature";
  // The header that holds it is not signed, so anybody can put one there.
  Json moved = envelope("real-rsa2048-jws-plain");
  moved["header"][kToken] = envelope("ts_jws__tsa")["header"].at(kToken);
  const std::string bytes = moved.dump();
  const oci::Descriptor descriptor = oci::describe(oci::kJws, bytes);
  Host host("jws_altered_payload", "tsa");
  must(host.layout.push_blob(descriptor, oci::BlobSource::bytes(bytes)));
  host.attach({descriptor});
  const Verification verification = host.judge();
  CHECK(verification.refusal);
  REQUIRE(verification.report.signatures.size() == 2);
  const SignatureReport& report = verification.report.signatures[1];
  CHECK(report.authenticity == CheckResult::kPass);
  CHECK(report.authentic_timestamp == CheckResult::kFail);
}

TEST_CASE("a timestamp is not looked at where policy does not ask for it", "[trust]") {
  CHECK_FALSE(Host("ts_garbage", "strict").judge().refusal);
  CHECK_FALSE(Host("ts_garbage", "tsa-after").judge().refusal);
  CHECK(Host("ts_garbage", "tsa").judge().refusal);
}

TEST_CASE("signatures are tried in order up to the limit", "[trust]") {
  Host host("real-multi");
  host.request.max_signatures = 2;
  CHECK_FALSE(host.judge().refusal);
  host.request.max_signatures = 1;
  const Verification limited = host.judge();
  CHECK(refusal_of(limited).message().find("first 1 signatures") != std::string::npos);
  CHECK(limited.report.signatures.size() == 1);
  host.request.max_signatures = 0;
  const auto none = verify(host.layout, host.request, host.config(), test::vector_clock());
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::kUsage);
}

TEST_CASE("a signature of another artifact does not count", "[trust]") {
  for (const auto& change : std::vector<std::function<void(oci::Descriptor&)>>{
           [](oci::Descriptor& d) { d.size += 1; },
           [](oci::Descriptor& d) { d.media_type = oci::kDockerManifest; },
           [](oci::Descriptor& d) { d.digest = Digest::of("other"); }}) {
    Host host;
    const auto envelope = test::notation_file("cases/real-rsa2048-jws-plain/signature.jws");
    change(host.request.subject);
    host.attach({oci::describe(oci::kJws, envelope)});
    const Verification verification = host.judge();
    CHECK(refusal_of(verification).message().find("content descriptor mismatch") !=
          std::string::npos);
    CHECK(verification.report.signatures.back().integrity == CheckResult::kPass);
  }
}

TEST_CASE("an envelope of an unknown format fails alone", "[trust]") {
  Host host("jws_altered_payload");
  const std::string bytes = "x";
  const oci::Descriptor odd = oci::describe("application/octet-stream", bytes);
  must(host.layout.push_blob(odd, oci::BlobSource::bytes(bytes)));
  host.attach({odd});
  const Verification verification = host.judge();
  REQUIRE(verification.report.signatures.size() == 2);
  CHECK(verification.report.signatures[1].error.find("application/octet-stream") !=
        std::string::npos);
}

TEST_CASE("user metadata that was asked for must be in the signature with that value", "[trust]") {
  for (const auto& [key, value, good] : {std::tuple("io.example.buildId", "42", true),
                                         std::tuple("io.example.buildId", "43", false),
                                         std::tuple("io.example.zzz", "", false),
                                         std::tuple("a", "42", false)}) {
    Host host("real-rsa2048-jws-meta-expiry");
    host.request.metadata = {{key, value}};
    const Verification verification = host.judge();
    INFO(key << "=" << value);
    CHECK(verification.refusal.has_value() != good);
    CHECK((verification.report.signatures.back().outcome == Outcome::kVerified) == good);
  }
}

TEST_CASE("a signature manifest that cannot be one ends the verification", "[trust]") {
  const oci::Descriptor jws =
      oci::describe(oci::kJws, test::notation_file("cases/real-rsa2048-jws-plain/signature.jws"));
  oci::Descriptor huge = jws;
  huge.size = 33 * kMiB;
  const oci::Descriptor absent = oci::describe(oci::kJws, "not pushed");
  for (const auto& layers : {std::vector<oci::Descriptor>{},
                             std::vector<oci::Descriptor>{jws, jws},
                             std::vector<oci::Descriptor>{huge},
                             std::vector<oci::Descriptor>{absent}}) {
    Host host("jws_altered_payload");
    host.attach(layers);
    const auto verification =
        verify(host.layout, host.request, host.config(), test::vector_clock());
    REQUIRE_FALSE(verification);
    CHECK(verification.error().code() == Errc::kContent);
  }
}

TEST_CASE("a clock from before mosb existed judges nothing", "[trust]") {
  Host host;
  const SystemTime made = test::vector_clock().now();
  const FixedClock clock(made - std::chrono::seconds(1), made);
  const auto verification = verify(host.layout, host.request, host.config(), clock);
  REQUIRE_FALSE(verification);
  CHECK(verification.error().code() == Errc::kPolicy);
  CHECK(verification.error().message().find("clock") != std::string::npos);
  const FixedClock just_made(made, made);
  CHECK_FALSE(must(verify(host.layout, host.request, host.config(), just_made)).refusal);
}

TEST_CASE("an OCI layout that notation signed as JWS and COSE is accepted", "[trust][vectors]") {
  Host host;
  test::copy_tree(test::notation_data("oci-layout-signed"), host.temp.path() + "/signed");
  oci::Layout layout = must(oci::Layout::open(host.temp.path() + "/signed"));
  const Verification verification =
      must(verify(layout, host.request, host.config(), test::vector_clock()));
  CHECK_FALSE(verification.refusal);
}

}  // namespace
}  // namespace mosb::trust
