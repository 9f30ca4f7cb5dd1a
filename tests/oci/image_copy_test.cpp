#include "mosb/oci/image_copy.h"

#include "mosb/base/file.h"
#include "mosb/oci/index.h"
#include "pull_fixture.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

struct CopyFixture : PullFixture {
  Layout to = must(Layout::open_or_create(dir.path() + "/to"));
  CopyRequest copying{.from = request.ref,
                      .to = must(Reference::parse("oci:" + to.dir() + ":new"))};

  Result<CopiedImage> copy() { return copy_image(from, copying, to); }
  Result<Descriptor> find(const std::string& rest) {
    return to.resolve(must(Reference::parse("oci:" + to.dir() + rest)));
  }
};

Descriptor push_index(Layout& to,
                      const std::vector<Descriptor>& manifests,
                      const std::string& tag) {
  const std::string bytes = Index{.manifests = manifests}.print();
  const Descriptor index = describe(kImageIndex, bytes);
  must(to.push_manifest(index, bytes, tag));
  return index;
}

Descriptor entry_for(const TestImage& image, const Platform& platform) {
  Descriptor entry = image.descriptor;
  entry.platform = platform;
  return entry;
}

}  // namespace

TEST_CASE("an image is copied under another tag, byte for byte", "[copy]") {
  CopyFixture f;
  const CopiedImage copied = must(f.copy());
  CHECK(copied.manifest == f.image.descriptor);
  CHECK(copied.blobs == 3);
  CHECK(copied.bytes.value == kLayers[0].size() + kLayers[1].size() + f.image.manifest.config.size);
  CHECK(must(f.find(":new")) == f.image.descriptor);
  CHECK(must(f.to.read_manifest(f.image.descriptor)) == f.image.bytes);
  CHECK(slurp(f.to.blob_path(f.image.manifest.layers[1].digest)) == kLayers[1]);
}

TEST_CASE("what the destination has is not fetched again", "[copy]") {
  CopyFixture f;
  must(f.copy());
  f.from.fetched.clear();
  must(f.copy());
  CHECK(f.from.fetched.empty());
}

TEST_CASE("signatures go with an image unless they are not wanted", "[copy]") {
  CopyFixture f;
  const Descriptor signature = push_signature(f.source, f.image.descriptor, "envelope");
  SECTION("wanted") {
    CHECK(must(f.copy()).signatures == 1);
    const auto found = must(f.to.referrers(f.image.descriptor, kNotarySignature));
    REQUIRE(found.size() == 1);
    CHECK(same_content(found[0], signature));
    CHECK(must(f.to.read_blob(describe(kJws, "envelope"), ByteCount{100})) == "envelope");
  }
  SECTION("not wanted") {
    f.copying.with_signatures = false;
    CHECK(must(f.copy()).signatures == 0);
    CHECK(must(f.to.referrers(f.image.descriptor, "")).empty());
  }
}

TEST_CASE("referrers of referrers are copied", "[copy]") {
  CopyFixture f;
  const std::string bytes = Manifest{.config = describe("application/spdx+json", "{}"),
                                     .layers = {describe("text/plain", "a bill")},
                                     .subject = f.image.descriptor,
                                     .artifact_type = "application/spdx+json"}
                                .print();
  const Descriptor bill = describe(kImageManifest, bytes);
  must(f.source.push_blob(describe("text/plain", "a bill"), BlobSource::bytes("a bill")));
  must(f.source.push_blob(describe("text/plain", "{}"), BlobSource::bytes("{}")));
  must(f.source.push_referrer(bill, bytes, f.image.descriptor));
  push_signature(f.source, bill, "envelope of the bill");
  const CopiedImage copied = must(f.copy());
  CHECK(copied.referrers == 1);
  CHECK(copied.signatures == 1);
  CHECK(must(f.to.referrers(bill, kNotarySignature)).size() == 1);
}

TEST_CASE("an index is copied with the images of all platforms and their signatures", "[copy]") {
  CopyFixture f;
  const Platform other = Platform{.os = "linux", .architecture = "riscv64", .variant = ""};
  const TestImage foreign = make_image({"for another host"}, other);
  push_image(f.source, foreign, {"for another host"}, std::nullopt);
  const Descriptor index = push_index(
      f.source, {entry_for(f.image, Platform::host()), entry_for(foreign, other)}, "web");
  push_signature(f.source, index, "envelope of the index");
  push_signature(f.source, foreign.descriptor, "envelope of one image");
  const CopiedImage copied = must(f.copy());
  CHECK(copied.manifest == index);
  CHECK(copied.manifests == 5);
  CHECK(copied.signatures == 2);
  CHECK(must(f.find(":new")) == index);
  CHECK(must(f.find("@" + foreign.descriptor.digest.str())) == foreign.descriptor);
  CHECK(must(f.to.referrers(index, kNotarySignature)).size() == 1);
}

TEST_CASE("the tag is not set before everything else is there", "[copy]") {
  CopyFixture f;
  push_signature(f.source, f.image.descriptor, "envelope");
  SECTION("a layer is missing") {
    f.from.failures.emplace(f.image.manifest.layers[1].digest, Error(Errc::kNetwork, "gone"));
  }
  SECTION("a signature is missing") {
    f.from.failures.emplace(Digest::of("envelope"), Error(Errc::kNetwork, "gone"));
  }
  CHECK(error_code(f.copy()) == Errc::kNetwork);
  CHECK(error_code(f.find(":new")) == Errc::kNotFound);
}

TEST_CASE("a copy under a digest that is another's is refused", "[copy]") {
  CopyFixture f;
  f.copying.to = f.copying.to.pinned(Digest::of("another"));
  CHECK(error_code(f.copy()) == Errc::kUsage);
}

TEST_CASE("an image whose blob is wrong is not copied", "[copy]") {
  CopyFixture f;
  f.from.lies[f.image.manifest.layers[0].digest] = std::string(kLayers[0].size(), 'x');
  CHECK(error_code(f.copy()) == Errc::kContent);
  CHECK(error_code(f.find(":new")) == Errc::kNotFound);
  CHECK_FALSE(path_exists(f.to.blob_path(f.image.manifest.layers[0].digest)));
}

TEST_CASE("indexes and referrers that are nested without end are refused", "[copy]") {
  CopyFixture f;
  Descriptor subject = f.image.descriptor;
  SECTION("indexes") {
    for (int i = 0; i < 3; ++i) {
      subject = push_index(f.source, {subject}, "web");
    }
  }
  SECTION("referrers") {
    for (int i = 0; i < 5; ++i) {
      subject = push_signature(f.source, subject, "envelope " + std::to_string(i));
    }
  }
  CHECK(error_code(f.copy()) == Errc::kContent);
  CHECK(error_code(f.find(":new")) == Errc::kNotFound);
}
