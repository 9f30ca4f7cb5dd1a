#include "mosb/trust/sign.h"

#include <catch2/catch.hpp>

#include "mosb/oci/media_types.h"
#include "mosb/trust/inspect.h"
#include "mosb/trust/keyset.h"
#include "mosb/trust/open_envelope.h"
#include "mosb/trust/signature_manifest.h"
#include "mosb/trust/verify.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using test::must;

/// A keyset, and a layout with an artifact to sign.
struct Signer {
  TempDir temp = test::make_temp_dir();
  Keyset keyset;
  SigningKey key;
  NotationConfig config;
  oci::Layout layout = test::layout_with_case(temp.path() + "/layout", "jws_empty_obj");

  explicit Signer(SignatureAlgorithm algorithm = SignatureAlgorithm::kEs256)
      : keyset(must(
            create_keyset(temp.path() + "/keys", {"signer", algorithm}, test::vector_clock()))),
        key(must(load_signing_key(keyset.signing_key, keyset.signing_chain))),
        config(must(NotationConfig::open(keyset.notation_dir))) {}

  SignRequest request() const { return {test::vector_subject(), key, std::nullopt, {}}; }
  Verification verify_at(SystemTime now, std::map<std::string, std::string> metadata = {}) {
    const FixedClock clock(now);
    return must(verify(
        layout, {test::vector_subject(), "local/mosb", std::move(metadata), 100}, config, clock));
  }
  Verification verify_now() { return verify_at(test::vector_clock().now()); }
};

TEST_CASE("what mosb signs with any of the six algorithms, mosb verifies", "[trust]") {
  for (const SignatureAlgorithm algorithm : kSignatureAlgorithms) {
    for (const EnvelopeFormat format : {EnvelopeFormat::kJws, EnvelopeFormat::kCose}) {
      Signer signer(algorithm);
      INFO(jws_name(algorithm) << " " << envelope_media_type(format));
      CHECK(signer.verify_now().refusal);
      SignRequest request = signer.request();
      request.format = format;
      const oci::Descriptor signature = must(sign(signer.layout, request, test::vector_clock()));
      const Verification verification = signer.verify_now();
      REQUIRE_FALSE(verification.refusal);
      const SignatureReport& report = verification.report.signatures.back();
      CHECK(report.digest == signature.digest);
      CHECK(report.algorithm == display_name(algorithm));
      CHECK(report.media_type == envelope_media_type(format));
      CHECK(report.signing_scheme == "notary.x509");
      CHECK(report.signing_time == test::vector_clock().now());
      CHECK(report.subject == "CN=signer,O=mosb keyset,ST=none,C=XX");
      CHECK(report.chain.back().trusted_by == "ca:signer");
      CHECK(report.error.empty());
      for (const CheckResult check : {report.integrity,
                                      report.authenticity,
                                      report.authentic_timestamp,
                                      report.expiry_check,
                                      report.revocation}) {
        CHECK(check == CheckResult::kPass);
      }
    }
  }
}

TEST_CASE("a signature manifest is written as notation writes it, byte for byte",
          "[trust][vectors]") {
  for (const auto& [name, format] : {std::pair("real-rsa2048-jws-plain", EnvelopeFormat::kJws),
                                     std::pair("real-ec256-jws-meta-expiry", EnvelopeFormat::kJws),
                                     std::pair("real-ec384-cose-plain", EnvelopeFormat::kCose)}) {
    const std::string dir = std::string("cases/") + name;
    const std::string envelope = test::notation_file(
        dir + (format == EnvelopeFormat::kCose ? "/signature.cose" : "/signature.jws"));
    const SignatureEnvelope parsed = must(parse_envelope(format, envelope));
    const SignatureManifest manifest =
        print_signature_manifest({oci::describe(envelope_media_type(format), envelope),
                                  test::vector_subject(),
                                  parsed.chain,
                                  parsed.attributes.signing_time});
    CHECK(manifest.bytes == test::notation_file(dir + "/signature-manifest.json"));
    CHECK(manifest.descriptor.digest == Digest::of(manifest.bytes));
    CHECK(manifest.descriptor.artifact_type == oci::kNotarySignature);
    CHECK(manifest.descriptor.annotations.size() == 2);
  }
}

TEST_CASE("metadata is signed, reported and can be required", "[trust]") {
  Signer signer;
  SignRequest request = signer.request();
  request.metadata = {{"build", "42"}, {"who", "a <b> & ü"}};
  must(sign(signer.layout, request, test::vector_clock()));
  const SystemTime now = test::vector_clock().now();
  const Verification all = signer.verify_at(now);
  CHECK(all.report.metadata == request.metadata);
  CHECK_FALSE(signer.verify_at(now, {{"build", "42"}}).refusal);
  for (const auto& wrong :
       {std::pair("build", "43"), std::pair("Build", "42"), std::pair("x", "")}) {
    const Verification verification = signer.verify_at(now, {wrong});
    REQUIRE(verification.refusal);
    CHECK(verification.refusal->code() == Errc::kSignature);
    CHECK(verification.refusal->message().find("metadata") != std::string::npos);
  }
}

TEST_CASE("a signature with an expiry counts until then", "[trust]") {
  Signer signer;
  SignRequest request = signer.request();
  request.expiry = hours(1);
  must(sign(signer.layout, request, test::vector_clock()));
  const SystemTime now = test::vector_clock().now();
  CHECK_FALSE(signer.verify_at(now + hours(1) - seconds(1)).refusal);
  const Verification late = signer.verify_at(now + hours(1));
  REQUIRE(late.refusal);
  CHECK(late.refusal->message().find("expired") != std::string::npos);
  CHECK(late.report.signatures.back().expiry_check == CheckResult::kFail);
}

TEST_CASE("a signature counts no longer than its certificate", "[trust]") {
  Signer signer;
  must(sign(signer.layout, signer.request(), test::vector_clock()));
  CHECK_FALSE(signer.verify_at(signer.keyset.signing_not_after).refusal);
  const Verification late = signer.verify_at(signer.keyset.signing_not_after + seconds(1));
  REQUIRE(late.refusal);
  CHECK(late.report.signatures.back().authentic_timestamp == CheckResult::kFail);
}

TEST_CASE("what verifiers would refuse is not signed", "[trust]") {
  const Signer signer;
  const auto refused = [&](const SignRequest& request, Errc code, const Clock& clock) {
    oci::Layout layout = test::layout_with_case(signer.temp.path() + "/other", "jws_empty_obj");
    const std::size_t before = must(layout.referrers(request.subject, "")).size();
    const auto signature = sign(layout, request, clock);
    REQUIRE_FALSE(signature);
    INFO(signature.error().message());
    CHECK(signature.error().code() == code);
    // Nothing was pushed.
    CHECK(must(layout.referrers(request.subject, "")).size() == before);
  };
  SignRequest reserved = signer.request();
  reserved.metadata = {{"io.cncf.notary.x", "1"}};
  refused(reserved, Errc::kUsage, test::vector_clock());
  SignRequest not_text = signer.request();
  not_text.metadata = {{"a", "\xff"}};
  refused(not_text, Errc::kUsage, test::vector_clock());
  SignRequest expired = signer.request();
  expired.expiry = seconds(0);
  refused(expired, Errc::kUsage, test::vector_clock());
  SignRequest without_root = signer.request();
  without_root.key.chain.pop_back();
  refused(without_root, Errc::kSignature, test::vector_clock());
  SignRequest other_chain = signer.request();
  other_chain.key.chain =
      must(Certificate::from_file_bytes(test::notation_file("pki/chain-ec256.pem")));
  refused(other_chain, Errc::kUsage, test::vector_clock());
  refused(
      signer.request(), Errc::kSignature, FixedClock(signer.keyset.signing_not_after + seconds(1)));
}

TEST_CASE("a foreign root that is copied into the envelope is not trusted", "[trust]") {
  Signer signer;
  const Signer foreign;
  must(sign(signer.layout, foreign.request(), test::vector_clock()));
  const Verification verification = signer.verify_now();
  REQUIRE(verification.refusal);
  CHECK(verification.refusal->code() == Errc::kSignature);
  CHECK(verification.report.signatures.back().authenticity == CheckResult::kFail);
}

TEST_CASE("signatures are listed without being verified", "[trust]") {
  Signer signer;
  must(sign(signer.layout, signer.request(), test::vector_clock()));
  const auto reports = must(list_signatures(signer.layout, test::vector_subject(), 100));
  REQUIRE(reports.size() == 2);
  CHECK_FALSE(reports[0].error.empty());
  CHECK(reports[1].subject == "CN=signer,O=mosb keyset,ST=none,C=XX");
  CHECK(reports[1].outcome == Outcome::kSkipped);
  CHECK(must(list_signatures(signer.layout, test::vector_subject(), 1)).size() == 1);
}

}  // namespace
}  // namespace mosb::trust
