#include <catch2/catch.hpp>

#include "mosb/oci/curl_http_client.h"
#include "mosb/oci/registry.h"
#include "mosb/trust/inspect.h"
#include "mosb/trust/sign.h"
#include "mosb/trust/verify.h"
#include "tests/support/test_registry.h"
#include "tests/trust/notation.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;
using test::run_notation;

/// A real registry with one image in it.
struct Registered {
  test::DockerRegistry server = must(test::DockerRegistry::start());
  std::unique_ptr<oci::HttpClient> http = must(oci::make_curl_http_client());
  std::string scope = server.host() + "/some/app";
  oci::Registry registry = open();
  oci::Descriptor image = test::push_image(registry, "v1");
  RealClock clock;

  oci::Registry open() const {
    return must(oci::Registry::open(server.host(), "some/app", {.insecure = true}, *http));
  }
  std::string pinned() const { return scope + "@" + image.digest.str(); }
  Verification verify_ours(const std::string& config_dir) const {
    oci::Registry fresh = open();
    return must(
        verify(fresh, {image, scope, {}, 100}, must(NotationConfig::open(config_dir)), clock));
  }
  Completed verify_theirs(const std::string& config_dir) const {
    return run_notation(config_dir, {"verify", "--insecure-registry", pinned()});
  }
};

TEST_CASE("in a registry mosb verifies what notation signed, with every format and kind of key",
          "[trust][network]") {
  for (const SignatureAlgorithm algorithm : kSignatureAlgorithms) {
    const test::NotationSigner signer = test::make_notation_signer(algorithm);
    const test::NotationSigner stranger = test::make_notation_signer(algorithm);
    for (const EnvelopeFormat format : test::kFormats) {
      INFO(jws_name(algorithm) << " " << envelope_media_type(format));
      const Registered it;
      const std::string& config = signer.keyset.notation_dir;
      CHECK(it.verify_ours(config).refusal);
      const Completed done = run_notation(config,
                                          {"sign",
                                           "--insecure-registry",
                                           "--signature-format",
                                           test::notation_format(format),
                                           it.pinned()});
      INFO(done.out << done.err);
      REQUIRE(done.status == 0);
      const Verification verification = it.verify_ours(config);
      REQUIRE_FALSE(verification.refusal);
      CHECK(verification.report.signatures.back().algorithm == display_name(algorithm));
      CHECK(verification.report.signatures.back().media_type == envelope_media_type(format));
      CHECK(it.verify_ours(stranger.keyset.notation_dir).refusal);
    }
  }
}

TEST_CASE("in a registry notation verifies what mosb signed, with every format and kind of key",
          "[trust][network]") {
  for (const SignatureAlgorithm algorithm : kSignatureAlgorithms) {
    const test::NotationSigner signer = test::make_notation_signer(algorithm);
    const test::NotationSigner stranger = test::make_notation_signer(algorithm);
    for (const EnvelopeFormat format : test::kFormats) {
      INFO(jws_name(algorithm) << " " << envelope_media_type(format));
      Registered it;
      const std::string& config = signer.keyset.notation_dir;
      const SigningKey key =
          must(load_signing_key(signer.keyset.signing_key, signer.keyset.signing_chain));
      SignRequest request{it.image, key, std::nullopt, {{"build", "42"}}};
      request.format = format;
      const oci::Descriptor signature = must(sign(it.registry, request, it.clock));
      const Completed done = it.verify_theirs(config);
      INFO(done.out << done.err);
      CHECK(done.status == 0);
      CHECK(done.out.find("Successfully verified") != std::string::npos);
      const Completed listed = run_notation(config, {"ls", "--insecure-registry", it.pinned()});
      CHECK(listed.out.find(signature.digest.str()) != std::string::npos);
      const Completed inspected =
          run_notation(config, {"inspect", "--insecure-registry", "-o", "json", it.pinned()});
      CHECK(inspected.status == 0);
      CHECK(inspected.out.find(display_name(algorithm)) != std::string::npos);
      CHECK(inspected.out.find(envelope_media_type(format)) != std::string::npos);
      CHECK(it.verify_theirs(stranger.keyset.notation_dir).status != 0);
    }
  }
}

TEST_CASE("signatures of mosb and notation stand beside each other in one registry",
          "[trust][network]") {
  Registered it;
  const test::NotationSigner first = test::make_notation_signer(SignatureAlgorithm::kEs256);
  const test::NotationSigner second = test::make_notation_signer(SignatureAlgorithm::kPs256);
  const SigningKey key =
      must(load_signing_key(second.keyset.signing_key, second.keyset.signing_chain));
  const auto notation_signs = [&] {
    const Completed done =
        run_notation(first.keyset.notation_dir, {"sign", "--insecure-registry", it.pinned()});
    INFO(done.out << done.err);
    REQUIRE(done.status == 0);
  };
  notation_signs();
  must(sign(it.registry, {it.image, key, std::nullopt, {}}, it.clock));
  notation_signs();
  CHECK(must(list_signatures(it.registry, it.image, 100)).size() == 3);
  for (const test::NotationSigner* const signer : {&first, &second}) {
    CHECK_FALSE(it.verify_ours(signer->keyset.notation_dir).refusal);
    CHECK(it.verify_theirs(signer->keyset.notation_dir).status == 0);
  }
}

}  // namespace
}  // namespace mosb::trust
