#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/pull.h"
#include "pull_fixture.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

TEST_CASE("a pulled image is whole in the store and is asked for once", "[oci]") {
  PullFixture f;
  const PulledMetadata pulled = must(f.pull());
  CHECK(pulled.manifest == f.image.descriptor);
  CHECK(pulled.parsed == f.image.manifest);
  CHECK(pulled.config == f.image.config);
  CHECK(pulled.warnings.empty());
  CHECK(f.from.resolved == 1);
  CHECK(must(f.store.images()).empty());
  CHECK(f.blobs().size() == 2);

  const PullPlan plan = plan_pull(pulled.parsed, f.store);
  CHECK(plan.missing == f.image.manifest.layers);
  CHECK(plan.bytes.value == 800'000);
  std::map<Digest, std::uint64_t> progress;
  must(
      pull_layers(f.from, plan, f.store, [&](const Digest& layer, ByteCount done, ByteCount total) {
        CHECK(done.value > progress[layer]);
        CHECK(done.value <= total.value);
        progress[layer] = done.value;
      }));
  CHECK(progress[f.image.manifest.layers[1].digest] == 500'000);
  CHECK(must(f.store.repository().read_blob(f.image.manifest.layers[0], ByteCount{kMiB})) ==
        kLayers[0]);
  CHECK(plan_pull(pulled.parsed, f.store) == PullPlan{});
  CHECK(f.temp_is_empty());

  must(f.store.record(pulled.record(f.request)));
  CHECK(must(f.store.find(f.request.ref.str(), "local/mosb"))->manifest == pulled.manifest);

  f.from.fetched.clear();
  f.from.manifests.clear();
  must(f.pull());
  must(pull_layers(f.from, plan_pull(pulled.parsed, f.store), f.store));
  CHECK(f.from.fetched.empty());
  CHECK(f.from.manifests.empty());
}

TEST_CASE("signatures come along, so that the store can be verified without a network", "[oci]") {
  PullFixture f;
  push_signature(f.source, f.image.descriptor, "envelope 1");
  const Descriptor second = push_signature(f.source, f.image.descriptor, "envelope 2");
  push_signature(f.source, describe(kImageManifest, "another image"), "envelope 3");
  must(f.pull());
  Repository& offline = f.store.repository();
  const auto found = must(offline.referrers(f.image.descriptor, kNotarySignature));
  REQUIRE(found.size() == 2);
  CHECK(found[1].digest == second.digest);
  const Manifest manifest =
      must(Manifest::parse(must(offline.read_manifest(found[1])), found[1].media_type));
  CHECK(must(offline.read_blob(manifest.layers[0], kMaxEnvelopeSize)) == "envelope 2");
  CHECK(must(offline.read_blob(manifest.config, kMaxConfigSize)) == "{}");
  CHECK(must(f.store.images()).empty());
}

TEST_CASE("a broken signature is left out with a warning and the others stay", "[oci]") {
  PullFixture f;
  push_signature(f.source, f.image.descriptor, "envelope 1");
  push_signature(f.source, f.image.descriptor, "envelope 2");
  const Digest broken = Digest::of("envelope 1");
  SECTION("its envelope has another content") {
    f.from.lies[broken] = "envelope x";
  }
  SECTION("its envelope is gone") {
    f.from.failures.emplace(broken, Error(Errc::kNotFound, "no such blob"));
  }
  SECTION("its envelope is endless") {
    f.from.lies[broken] = std::string("envelope 1") + std::string(kMiB, 'x');
  }
  const PulledMetadata pulled = must(f.pull());
  REQUIRE(pulled.warnings.size() == 1);
  CHECK_THAT(pulled.warnings[0], Catch::Contains("signature sha256:"));
  const auto found = must(f.store.repository().referrers(f.image.descriptor, kNotarySignature));
  REQUIRE(found.size() == 1);
  CHECK(f.temp_is_empty());
}

TEST_CASE("a registry that breaks off while signatures are read fails the pull", "[oci]") {
  PullFixture f;
  push_signature(f.source, f.image.descriptor, "envelope 1");
  f.from.failures.emplace(Digest::of("envelope 1"), Error(Errc::kNetwork, "connection reset"));
  CHECK(error_code(f.pull()) == Errc::kNetwork);
}

TEST_CASE("signatures with two envelopes, too large ones and foreign ones are left out", "[oci]") {
  PullFixture f;
  const auto push = [&](const Manifest& manifest) {
    const std::string bytes = manifest.print();
    const Descriptor descriptor = describe(kImageManifest, bytes);
    must(f.source.push_manifest(descriptor, bytes, std::nullopt));
    return descriptor;
  };
  Manifest manifest{.config = describe(kNotarySignature, "{}"),
                    .layers = {describe(kJws, "one"), describe(kJws, "two")},
                    .subject = f.image.descriptor};
  push(manifest);
  manifest.layers.pop_back();
  manifest.layers[0].size = kMaxEnvelopeSize.value + 1;
  push(manifest);
  manifest.subject = describe(kImageManifest, "another image");
  f.from.extra_referrer = push(manifest);
  const PulledMetadata pulled = must(f.pull());
  REQUIRE(pulled.warnings.size() == 3);
  CHECK_THAT(pulled.warnings[0], Catch::Contains("2 envelopes"));
  CHECK_THAT(pulled.warnings[1], Catch::Contains("more than"));
  CHECK_THAT(pulled.warnings[2], Catch::Contains("another subject"));
  CHECK(must(f.store.repository().referrers(f.image.descriptor, kNotarySignature)).empty());
}

TEST_CASE("no more than a hundred signatures are copied", "[oci]") {
  PullFixture f;
  for (int i = 0; i < 102; ++i) {
    push_signature(f.source, f.image.descriptor, "envelope " + std::to_string(i));
  }
  const PulledMetadata pulled = must(f.pull());
  REQUIRE(pulled.warnings.size() == 1);
  CHECK_THAT(pulled.warnings[0], Catch::Contains("102 signatures"));
  CHECK(must(f.store.repository().referrers(f.image.descriptor, kNotarySignature)).size() == 100);
}

TEST_CASE("of an index the host's platform is pulled and the index's signatures too", "[oci]") {
  PullFixture f(false);
  const TestImage foreign =
      make_image({"x"}, {.os = "linux", .architecture = "s390x", .variant = ""});
  push_image(f.source, f.image, kLayers, std::nullopt);
  push_image(f.source, foreign, {"x"}, std::nullopt);
  Index index;
  index.manifests = {foreign.descriptor, f.image.descriptor};
  index.manifests[0].platform = foreign.config.platform;
  index.manifests[1].platform = f.image.config.platform;
  const Descriptor descriptor = describe(kImageIndex, index.print());
  must(f.source.push_manifest(descriptor, index.print(), "web"));
  push_signature(f.source, descriptor, "of the index");

  const PulledMetadata pulled = must(f.pull());
  CHECK(pulled.manifest == f.image.descriptor);
  CHECK(pulled.index == descriptor);
  CHECK(must(f.store.repository().referrers(descriptor, kNotarySignature)).size() == 1);
  CHECK(must(f.store.repository().read_manifest(descriptor)) == index.print());
  CHECK(pulled.record(f.request).index == descriptor);
  CHECK_FALSE(path_exists(f.store.blob_path(foreign.descriptor.digest)));

  SECTION("another platform is refused as a matter of the host") {
    f.request.platform = {.os = "linux", .architecture = "riscv64", .variant = ""};
    CHECK(error_code(f.pull()) == Errc::kHost);
  }
  SECTION("a pinned digest is the manifest's") {
    f.request.expected_digest = f.image.descriptor.digest;
    CHECK(f.pull());
    f.request.expected_digest = descriptor.digest;
    CHECK(error_code(f.pull()) == Errc::kContent);
  }
}

TEST_CASE("an index that promises another platform than the config is refused", "[oci]") {
  PullFixture f(false);
  const TestImage foreign =
      make_image({"x"}, {.os = "linux", .architecture = "s390x", .variant = ""});
  push_image(f.source, foreign, {"x"}, std::nullopt);
  Index index;
  index.manifests = {foreign.descriptor};
  index.manifests[0].platform = Platform::host();
  must(f.source.push_manifest(describe(kImageIndex, index.print()), index.print(), "web"));
  CHECK(error_code(f.pull()) == Errc::kContent);
}

TEST_CASE("indexes nested beyond one level are refused", "[oci]") {
  PullFixture f(false);
  push_image(f.source, f.image, kLayers, std::nullopt);
  Descriptor inner = f.image.descriptor;
  const auto wrap = [&](const std::optional<std::string>& tag) {
    Index index;
    index.manifests = {inner};
    index.manifests[0].platform = Platform::host();
    inner = describe(kImageIndex, index.print());
    must(f.source.push_manifest(inner, index.print(), tag));
  };
  wrap(std::nullopt);
  wrap("web");
  CHECK(must(f.pull()).manifest == f.image.descriptor);
  wrap("web");
  const auto pulled = f.pull();
  CHECK(error_code(pulled) == Errc::kContent);
  CHECK_THAT(pulled.error().message(), Catch::Contains("nested too deeply"));
}

TEST_CASE("an image for another architecture is refused as a matter of the host", "[oci]") {
  PullFixture f(false);
  const TestImage foreign =
      make_image({"x"}, {.os = "linux", .architecture = "s390x", .variant = ""});
  push_image(f.source, foreign, {"x"}, "web");
  const auto pulled = f.pull();
  CHECK(error_code(pulled) == Errc::kHost);
  CHECK_THAT(pulled.error().message(), Catch::Contains("linux/s390x"));
}

TEST_CASE("a digest or size that was pinned must be the manifest's", "[oci]") {
  PullFixture f;
  f.request.expected_digest = f.image.descriptor.digest;
  f.request.expected_size = f.image.descriptor.size;
  CHECK(f.pull());
  f.request.expected_size = f.image.descriptor.size + 1;
  CHECK(error_code(f.pull()) == Errc::kContent);
  f.request.expected_size.reset();
  f.request.expected_digest = Digest::of("other");
  const auto pulled = f.pull();
  CHECK(error_code(pulled) == Errc::kContent);
  CHECK_THAT(pulled.error().message(), Catch::Contains(Digest::of("other").str()));
}

TEST_CASE("what is no image is refused before any layer is fetched", "[oci]") {
  PullFixture f(false);
  Manifest manifest = f.image.manifest;
  SECTION("no layers") {
    manifest.layers.clear();
  }
  SECTION("one layer twice") {
    manifest.layers.push_back(manifest.layers[0]);
  }
  SECTION("an artifact") {
    manifest.config.media_type = kEmptyJson;
  }
  SECTION("more layers than diff_ids") {
    manifest.layers.push_back(describe(kSquashfsLayer, "more"));
  }
  SECTION("a config that is too large") {
    manifest.config.size = kMaxConfigSize.value + 1;
  }
  SECTION("a config that is no config") {
    manifest.config = describe(kImageConfig, "{}");
    must(f.source.push_blob(manifest.config, BlobSource::bytes("{}")));
  }
  must(f.source.push_blob(f.image.manifest.config, BlobSource::bytes(f.image.config.print())));
  must(f.source.push_manifest(describe(kImageManifest, manifest.print()), manifest.print(), "web"));
  CHECK(error_code(f.pull()) == Errc::kContent);
  CHECK(must(f.store.images()).empty());
  CHECK(f.temp_is_empty());
}

TEST_CASE("an unknown tag is not found and leaves nothing", "[oci]") {
  PullFixture f;
  f.request.ref.tag = "other";
  CHECK(error_code(f.pull()) == Errc::kNotFound);
  CHECK(f.blobs().empty());
}

TEST_CASE("a damaged manifest or config in the store is fetched again", "[oci]") {
  PullFixture f;
  must(f.pull());
  spit(f.store.blob_path(f.image.manifest.config.digest), "{}");
  spit(f.store.blob_path(f.image.descriptor.digest), std::string(f.image.bytes.size(), ' '));
  CHECK(must(f.pull()).config == f.image.config);
  CHECK(must(f.store.repository().read_manifest(f.image.descriptor)) == f.image.bytes);
}
