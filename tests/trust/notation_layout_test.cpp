#include <catch2/catch.hpp>

#include "mosb/oci/layout.h"
#include "mosb/trust/sign.h"
#include "mosb/trust/verify.h"
#include "tests/trust/notation.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;
using test::run_notation;

constexpr char kScope[] = "local/mosb";

/// A layout with an image to sign. The signer must outlive it.
struct Signed {
  const test::NotationSigner& signer;
  TempDir temp = test::make_temp_dir();
  std::string dir = temp.path() + "/layout";
  oci::Layout layout = must(oci::Layout::open_or_create(dir));
  oci::Descriptor image = test::push_image(layout, "v1");
  RealClock clock;

  explicit Signed(const test::NotationSigner& by) : signer(by) {}

  const std::string& config() const { return signer.keyset.notation_dir; }
  std::string pinned() const { return dir + "@" + image.digest.str(); }
  Verification verify_ours(const std::string& config_dir,
                           const std::map<std::string, std::string>& metadata = {}) {
    oci::Layout fresh = must(oci::Layout::open(dir));
    return must(verify(
        fresh, {image, kScope, metadata, 100}, must(NotationConfig::open(config_dir)), clock));
  }
  Completed verify_theirs(const std::string& config_dir) const {
    return run_notation(config_dir, {"verify", "--oci-layout", "--scope", kScope, pinned()});
  }
};

TEST_CASE("in an OCI layout mosb verifies what notation signed, with every format and kind of key",
          "[trust][network]") {
  for (const SignatureAlgorithm algorithm : kSignatureAlgorithms) {
    const test::NotationSigner signer = test::make_notation_signer(algorithm);
    const test::NotationSigner stranger = test::make_notation_signer(algorithm);
    for (const EnvelopeFormat format : test::kFormats) {
      INFO(jws_name(algorithm) << " " << envelope_media_type(format));
      Signed it(signer);
      const Completed done = run_notation(it.config(),
                                          {"sign",
                                           "--oci-layout",
                                           "--signature-format",
                                           test::notation_format(format),
                                           "--expiry",
                                           "1h",
                                           "--user-metadata",
                                           "build=42",
                                           it.pinned()});
      INFO(done.out << done.err);
      REQUIRE(done.status == 0);
      const Verification verification = it.verify_ours(it.config(), {{"build", "42"}});
      REQUIRE_FALSE(verification.refusal);
      CHECK(verification.report.signatures.back().algorithm == display_name(algorithm));
      CHECK(verification.report.signatures.back().media_type == envelope_media_type(format));
      CHECK(verification.report.signatures.back().expiry.has_value());
      CHECK(it.verify_ours(stranger.keyset.notation_dir).refusal);
    }
  }
}

TEST_CASE("in an OCI layout notation verifies what mosb signed, with every format and kind of key",
          "[trust][network]") {
  for (const SignatureAlgorithm algorithm : kSignatureAlgorithms) {
    const test::NotationSigner signer = test::make_notation_signer(algorithm);
    const test::NotationSigner stranger = test::make_notation_signer(algorithm);
    for (const EnvelopeFormat format : test::kFormats) {
      INFO(jws_name(algorithm) << " " << envelope_media_type(format));
      Signed it(signer);
      CHECK(it.verify_theirs(it.config()).status != 0);
      const SigningKey key =
          must(load_signing_key(it.signer.keyset.signing_key, it.signer.keyset.signing_chain));
      SignRequest request{it.image, key, std::chrono::hours(1), {{"who", "a <b> & ü"}}};
      request.format = format;
      must(sign(it.layout, request, it.clock));
      const Completed done = it.verify_theirs(it.config());
      INFO(done.out << done.err);
      CHECK(done.status == 0);
      CHECK(done.out.find("Successfully verified") != std::string::npos);
      CHECK(done.out.find("a <b> & ü") != std::string::npos);
      CHECK(it.verify_theirs(stranger.keyset.notation_dir).status != 0);
    }
  }
}

}  // namespace
}  // namespace mosb::trust
