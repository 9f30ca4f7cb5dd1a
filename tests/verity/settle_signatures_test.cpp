#include <catch2/catch.hpp>

#include "tests/support/must.h"
#include "tests/verity/named_layer.h"
#include "verity/mount_plan.h"

using namespace mosb;
using namespace mosb::verity;

TEST_CASE("the kernel gets the signatures that it demands or that the machine asks for",
          "[verity]") {
  using enum RootHashSignatures;
  const auto given = [](RootHashSignatures wanted, bool demanded, Verifier verifier) {
    const auto layers =
        must(settle_signatures({signed_layer("a"), signed_layer("b")}, wanted, demanded, verifier));
    REQUIRE(layers.size() == 2);
    REQUIRE(layers[0].signature.has_value() == layers[1].signature.has_value());
    return layers[0].signature.has_value();
  };
  CHECK_FALSE(given(kIfDemanded, false, Verifier::kDm));
  CHECK(given(kIfDemanded, true, Verifier::kDm));
  CHECK(given(kIfPresent, false, Verifier::kDm));
  CHECK(given(kIfPresent, true, Verifier::kDm));
  CHECK(given(kRequired, false, Verifier::kDm));
  CHECK(given(kRequired, true, Verifier::kDm));
  // A server has no use for one.
  CHECK_FALSE(given(kIfDemanded, true, Verifier::kFuse));
  CHECK_FALSE(given(kIfPresent, true, Verifier::kFuse));
}

TEST_CASE("a layer without the signature that kernel or machine want is refused", "[verity]") {
  using enum RootHashSignatures;
  const std::vector<LayerSource> layers{signed_layer("a"), layer("b")};
  const auto refusal = [&](RootHashSignatures wanted, bool demanded, Verifier verifier) {
    const auto settled = settle_signatures(layers, wanted, demanded, verifier);
    REQUIRE_FALSE(settled);
    CHECK_FALSE(settled.error().hint().empty());
    return settled.error();
  };
  const Error demanded = refusal(kIfDemanded, true, Verifier::kDm);
  CHECK(demanded.code() == Errc::kHost);
  CHECK_THAT(demanded.message(), Catch::Contains(layer("b").digest.str()));
  CHECK_THAT(demanded.message(), Catch::Contains("dm_verity.require_signatures=1"));
  CHECK(refusal(kIfPresent, true, Verifier::kDm).code() == Errc::kHost);
  CHECK(refusal(kRequired, true, Verifier::kDm).code() == Errc::kHost);
  const Error required = refusal(kRequired, false, Verifier::kDm);
  CHECK(required.code() == Errc::kVerity);
  CHECK_THAT(required.message(), Catch::Contains("policy.root_hash_signature"));
  // What a server checks no kernel has looked at, signed or not.
  CHECK(refusal(kRequired, false, Verifier::kFuse).code() == Errc::kHost);
  // Where nobody insists it is mounted as it is, and the other one with its signature.
  CHECK(must(settle_signatures(layers, kIfDemanded, false, Verifier::kDm)).size() == 2);
  const auto present = must(settle_signatures(layers, kIfPresent, false, Verifier::kDm));
  CHECK(present[0].signature.has_value());
  CHECK_FALSE(present[1].signature.has_value());
  CHECK(must(settle_signatures(layers, kIfDemanded, true, Verifier::kFuse)).size() == 2);
}
