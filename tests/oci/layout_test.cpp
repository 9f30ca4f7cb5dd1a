#include "mosb/oci/layout.h"

#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/limits.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

const std::string kNotationLayout = std::string(MOSB_TEST_DATA) + "/notation/oci-layout-signed";

Reference tagged(const std::string& tag) {
  return {.kind = Reference::Kind::kLayout, .path = "x", .tag = tag};
}

Reference pinned(const Digest& digest) {
  return {.kind = Reference::Kind::kLayout, .path = "x", .digest = digest};
}

const Reference kAny{.kind = Reference::Kind::kLayout, .path = "x"};

struct Fixture {
  TempDir dir = temp_dir();
  std::string path = dir.path() + "/layout";
  Layout layout = must(Layout::open_or_create(path));
  TestImage image = make_image({"one", "two"});
};

/// Nothing but what belongs into a layout.
void check_clean(const Layout& layout) {
  for (const std::string& name : must(list_dir(layout.dir()))) {
    INFO(name);
    CHECK(
        (name == "blobs" || name == "index.json" || name == "oci-layout" || name == ".mosb-lock"));
  }
}

}  // namespace

TEST_CASE("an image that was pushed to a layout is found by tag and by digest", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "web");
  Layout again = must(Layout::open(f.path + "/"));
  CHECK(must(again.resolve(tagged("web"))) == f.image.descriptor);
  CHECK(must(again.resolve(pinned(f.image.descriptor.digest))) == f.image.descriptor);
  CHECK(must(again.resolve(kAny)) == f.image.descriptor);
  CHECK(must(again.read_manifest(f.image.descriptor)) == f.image.bytes);
  CHECK(must(again.read_blob(f.image.manifest.layers[0], ByteCount{100})) == "one");
  CHECK(error_code(again.resolve(tagged("other"))) == Errc::kNotFound);
  CHECK_THAT(again.resolve(tagged("other")).error().hint(), Catch::Contains("web"));
  CHECK(error_code(again.resolve(pinned(Digest::of("none")))) == Errc::kNotFound);
  check_clean(f.layout);
}

TEST_CASE("a tag that is given anew moves and the old image stays", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "web");
  const TestImage next = make_image({"three"});
  push_image(f.layout, next, {"three"}, "web");
  CHECK(must(f.layout.resolve(tagged("web"))) == next.descriptor);
  CHECK(must(f.layout.resolve(pinned(f.image.descriptor.digest))) == f.image.descriptor);
  CHECK(must(f.layout.resolve(kAny)) == next.descriptor);
}

TEST_CASE("one image may have two tags", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "a");
  push_image(f.layout, f.image, {"one", "two"}, "b");
  CHECK(must(f.layout.resolve(tagged("a"))) == f.image.descriptor);
  CHECK(must(f.layout.resolve(tagged("b"))) == f.image.descriptor);
  CHECK(must(f.layout.resolve(kAny)) == f.image.descriptor);
}

TEST_CASE("pushing what is there writes nothing", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "web");
  push_signature(f.layout, f.image.descriptor, "envelope");
  const auto inode = must(sys::lstat(f.path + "/index.json")).st_ino;
  push_image(f.layout, f.image, {"one", "two"}, "web");
  push_image(f.layout, f.image, {"one", "two"}, std::nullopt);
  push_signature(f.layout, f.image.descriptor, "envelope");
  CHECK(must(sys::lstat(f.path + "/index.json")).st_ino == inode);
  CHECK(must(f.layout.index()).manifests.size() == 2);
}

TEST_CASE("without tag and digest a layout of two images is refused with their names", "[oci]") {
  Fixture f;
  CHECK(error_code(f.layout.resolve(kAny)) == Errc::kNotFound);
  push_image(f.layout, f.image, {"one", "two"}, "a");
  push_image(f.layout, make_image({"three"}), {"three"}, "b");
  const auto any = f.layout.resolve(kAny);
  CHECK(error_code(any) == Errc::kUsage);
  CHECK_THAT(any.error().hint(), Catch::Contains("a, b"));
}

TEST_CASE("one tag on two manifests is refused", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "a");
  push_image(f.layout, make_image({"three"}), {"three"}, "b");
  must(f.layout.edit_index([](Json& manifests) {
    for (Json& entry : manifests) {
      entry["annotations"][kRefName] = "same";
    }
    return ok();
  }));
  CHECK(error_code(f.layout.resolve(tagged("same"))) == Errc::kContent);
}

TEST_CASE("a blob with another content, size or name is refused", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "web");
  const Descriptor layer = f.image.manifest.layers[0];
  const auto read = [&] { return f.layout.read_blob(layer, ByteCount{100}); };
  SECTION("one bit differs") {
    spit(f.layout.blob_path(layer.digest), "onf");
    CHECK(error_code(read()) == Errc::kContent);
    CHECK_THAT(error_text(read()), Catch::Contains("differs from its digest"));
  }
  SECTION("it is short") {
    spit(f.layout.blob_path(layer.digest), "on");
    CHECK_THAT(error_text(read()), Catch::Contains("has 2 bytes, not 3"));
    CHECK_FALSE(f.layout.has_blob(layer));
  }
  SECTION("it is long: the bytes too many never reach the reader") {
    spit(f.layout.blob_path(layer.digest), "one" + std::string(kMiB, 'x'));
    std::size_t seen = 0;
    const Status status = f.layout.fetch_blob(layer, [&](std::span<const std::byte> part) {
      seen += part.size();
      return ok();
    });
    CHECK(error_code(status) == Errc::kContent);
    CHECK(seen <= layer.size);
  }
  SECTION("it is empty, as after a power cut") {
    spit(f.layout.blob_path(layer.digest), "");
    CHECK(error_code(read()) == Errc::kContent);
  }
  SECTION("it is missing") {
    must(sys::unlink(f.layout.blob_path(layer.digest)));
    CHECK(error_code(read()) == Errc::kNotFound);
  }
  SECTION("it is a symlink") {
    must(sys::unlink(f.layout.blob_path(layer.digest)));
    REQUIRE(::symlink("/etc/passwd", f.layout.blob_path(layer.digest).c_str()) == 0);
    CHECK_FALSE(read());
    CHECK_FALSE(f.layout.has_blob(layer));
  }
  SECTION("it is a FIFO: nobody waits for its writer") {
    must(sys::unlink(f.layout.blob_path(layer.digest)));
    REQUIRE(::mkfifo(f.layout.blob_path(layer.digest).c_str(), 0600) == 0);
    CHECK(error_code(read()) == Errc::kContent);
  }
  SECTION("the reader wants less than there is") {
    CHECK(error_code(f.layout.read_blob(layer, ByteCount{2})) == Errc::kContent);
  }
}

TEST_CASE("a push whose bytes are not what the descriptor says leaves nothing", "[oci]") {
  Fixture f;
  const Descriptor three = describe(kSquashfsLayer, "three");
  for (const std::string bytes : {"thre", "thref", "threee", ""}) {
    CHECK(error_code(f.layout.push_blob(three, BlobSource::bytes(bytes))) == Errc::kContent);
  }
  CHECK(error_code(f.layout.push_manifest(f.image.descriptor, "{}", "web")) == Errc::kContent);
  const Descriptor junk = describe(kImageManifest, "{}");
  CHECK(error_code(f.layout.push_manifest(junk, "{}", "web")) == Errc::kContent);
  CHECK(error_code(f.layout.push_manifest(f.image.descriptor, f.image.bytes, "a b")) ==
        Errc::kUsage);
  CHECK(must(list_dir(f.path + "/blobs/sha256")).empty());
  CHECK(must(f.layout.index()).manifests.empty());
  check_clean(f.layout);
}

TEST_CASE("a damaged manifest mends itself when it is pushed again", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "web");
  std::string wrong = f.image.bytes;
  wrong[0] = '[';
  spit(f.layout.blob_path(f.image.descriptor.digest), wrong);
  CHECK(error_code(f.layout.read_manifest(f.image.descriptor)) == Errc::kContent);
  push_image(f.layout, f.image, {"one", "two"}, "web");
  CHECK(must(f.layout.read_manifest(f.image.descriptor)) == f.image.bytes);
}

TEST_CASE("a finished file can be adopted as a blob", "[oci]") {
  Fixture f;
  const std::string file = f.layout.temp_dir() + "/" + random_temp_name();
  spit(file, "layer");
  const Descriptor layer = describe(kSquashfsLayer, "layer");
  must(f.layout.adopt_blob(file, layer.digest));
  CHECK(f.layout.has_blob(layer));
  CHECK(must(f.layout.read_blob(layer, ByteCount{5})) == "layer");
  CHECK_FALSE(path_exists(file));
}

TEST_CASE("members of index.json that mosb does not know survive its writes", "[oci]") {
  Fixture f;
  const Descriptor other = describe("application/vnd.example.thing", "thing");
  spit(f.path + "/index.json",
       R"({"schemaVersion":2,"x-mine":[1,{"a":null}],"annotations":{"k":"v"},"manifests":[)"
       R"({"mediaType":"application/vnd.example.thing","digest":")" +
           other.digest.str() + R"(","size":5,"x-odd":true,"platform":{"os":"linux",)" +
           R"("architecture":"amd64","os.version":"10"}}]})");
  push_image(f.layout, f.image, {"one", "two"}, "web");
  const std::string text = slurp(f.path + "/index.json");
  for (const char* kept :
       {R"("x-mine":[1,{"a":null}])", R"("x-odd":true)", R"("os.version":"10")"}) {
    CHECK_THAT(text, Catch::Contains(kept));
  }
  CHECK(must(f.layout.resolve(tagged("web"))) == f.image.descriptor);
}

TEST_CASE("what is no layout, damaged or of another version is refused", "[oci]") {
  Fixture f;
  CHECK(error_code(Layout::open(f.dir.path() + "/none")) == Errc::kNotFound);
  CHECK(error_code(Layout::open(f.dir.path())) == Errc::kNotFound);
  CHECK(error_code(Layout::open(f.path + "/index.json")) == Errc::kNotFound);
  spit(f.dir.path() + "/file", "x");
  const auto made = Layout::open_or_create(f.dir.path());
  CHECK(error_code(made) == Errc::kUsage);
  CHECK_FALSE(made.error().hint().empty());
  CHECK_FALSE(path_exists(f.dir.path() + "/blobs"));

  SECTION("another version") {
    spit(f.path + "/oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  }
  SECTION("no version") {
    spit(f.path + "/oci-layout", "{}");
  }
  SECTION("an index cut short") {
    spit(f.path + "/index.json", R"({"schemaVersion":2,)");
  }
  SECTION("an empty index file") {
    spit(f.path + "/index.json", "");
  }
  SECTION("an index of another media type") {
    spit(f.path + "/index.json",
         R"({"schemaVersion":2,"mediaType":"application/json","manifests":[]})");
  }
  SECTION("an index with layers") {
    spit(f.path + "/index.json", R"({"schemaVersion":2,"manifests":[],"layers":[]})");
  }
  SECTION("an index with a digest that leads elsewhere") {
    spit(f.path + "/index.json",
         R"({"schemaVersion":2,"manifests":[{"mediaType":"a/b","size":1,)"
         R"("digest":"sha256:../../../../etc/passwd"}]})");
  }
  SECTION("an index that is too large") {
    spit(f.path + "/index.json", std::string(kMaxLayoutIndexSize.value + 1, ' '));
  }
  CHECK(error_code(Layout::open(f.path)) == Errc::kContent);
  CHECK(error_code(Layout::open_or_create(f.path)) == Errc::kContent);
}

TEST_CASE("a layout whose making was interrupted can be made again", "[oci]") {
  const TempDir dir = temp_dir();
  const std::string path = dir.path() + "/layout";
  must(sys::mkdir_all(path + "/blobs", 0755));
  spit(path + "/index.json", "{");
  CHECK(Layout::open_or_create(path));
}

TEST_CASE("signatures in both of Notary's manifest styles are found by their subject", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "web");
  const TestImage other = make_image({"three"});
  push_image(f.layout, other, {"three"}, "other");
  const Descriptor old_style = push_signature(f.layout, f.image.descriptor, "envelope 1");
  const Descriptor elsewhere = push_signature(f.layout, other.descriptor, "envelope 2");

  const Manifest new_style{.config = describe(kEmptyJson, "{}"),
                           .layers = {describe(kCose, "envelope 3")},
                           .subject = f.image.descriptor,
                           .artifact_type = kNotarySignature};
  const Manifest sbom{.config = describe(kEmptyJson, "{}"),
                      .subject = f.image.descriptor,
                      .artifact_type = "application/spdx+json"};
  for (const Manifest& manifest : {new_style, sbom}) {
    must(f.layout.push_referrer(
        describe(kImageManifest, manifest.print()), manifest.print(), f.image.descriptor));
  }

  const auto found = must(f.layout.referrers(f.image.descriptor, kNotarySignature));
  REQUIRE(found.size() == 2);
  CHECK(found[0].digest == old_style.digest);
  CHECK(found[0].artifact_type == kNotarySignature);
  CHECK(found[0].annotations.count(kCreated) == 1);
  CHECK(found[1].digest == Digest::of(new_style.print()));
  CHECK(must(f.layout.referrers(f.image.descriptor, "")).size() == 3);
  CHECK(must(f.layout.referrers(other.descriptor, kNotarySignature))[0].digest == elsewhere.digest);
  Descriptor similar = f.image.descriptor;
  similar.size += 1;
  CHECK(must(f.layout.referrers(similar, kNotarySignature)).empty());
}

TEST_CASE("a referrer that names another subject is not taken", "[oci]") {
  Fixture f;
  const Manifest manifest{.config = describe(kNotarySignature, "{}"),
                          .subject = f.image.descriptor};
  const Descriptor descriptor = describe(kImageManifest, manifest.print());
  CHECK(error_code(f.layout.push_referrer(
            descriptor, manifest.print(), describe(kImageManifest, "other"))) == Errc::kContent);
  const Manifest none{.config = describe(kNotarySignature, "{}")};
  CHECK(error_code(f.layout.push_referrer(
            describe(kImageManifest, none.print()), none.print(), f.image.descriptor)) ==
        Errc::kContent);
}

TEST_CASE("one damaged signature does not hide the others", "[oci]") {
  Fixture f;
  push_image(f.layout, f.image, {"one", "two"}, "web");
  const Descriptor first = push_signature(f.layout, f.image.descriptor, "envelope 1");
  const Descriptor second = push_signature(f.layout, f.image.descriptor, "envelope 2");
  spit(f.layout.blob_path(first.digest), "{");
  const auto found = must(f.layout.referrers(f.image.descriptor, kNotarySignature));
  REQUIRE(found.size() == 1);
  CHECK(found[0].digest == second.digest);
}

TEST_CASE("manifests and signatures inside an index are found, one level down", "[oci]") {
  Fixture f;
  const auto push_blob = [&](const std::string& bytes, const std::string& type) {
    const Descriptor descriptor = describe(type, bytes);
    must(f.layout.push_blob(descriptor, BlobSource::bytes(bytes)));
    return descriptor;
  };
  const Manifest signature{.config = describe(kNotarySignature, "{}"),
                           .layers = {describe(kJws, "envelope")},
                           .subject = f.image.descriptor};
  Index index;
  index.manifests = {push_blob(f.image.bytes, kImageManifest),
                     push_blob(signature.print(), kImageManifest),
                     describe(kImageManifest, "not here")};
  must(f.layout.push_manifest(describe(kImageIndex, index.print()), index.print(), "multi"));
  CHECK(must(f.layout.resolve(tagged("multi"))).media_type == kImageIndex);
  CHECK(must(f.layout.resolve(pinned(f.image.descriptor.digest))) == f.image.descriptor);
  CHECK(must(f.layout.referrers(f.image.descriptor, kNotarySignature)).size() == 1);
}

TEST_CASE("an index that lists itself or nests deeply ends", "[oci]") {
  Fixture f;
  Descriptor inner = describe(kImageManifest, f.image.bytes);
  must(f.layout.push_blob(inner, BlobSource::bytes(f.image.bytes)));
  for (int i = 0; i < 50; ++i) {
    Index index;
    index.manifests = {inner};
    const std::string bytes = index.print();
    inner = describe(kImageIndex, bytes);
    must(f.layout.push_blob(inner, BlobSource::bytes(bytes)));
  }
  must(f.layout.edit_index([&](Json& manifests) {
    manifests.push_back(to_json(inner));
    return ok();
  }));
  CHECK(error_code(f.layout.resolve(pinned(f.image.descriptor.digest))) == Errc::kNotFound);
  CHECK(must(f.layout.referrers(f.image.descriptor, "")).empty());
}

TEST_CASE("a layout that notation signed is read as notation left it", "[oci]") {
  Layout layout = must(Layout::open(kNotationLayout));
  const Descriptor image = must(layout.resolve(tagged("1.0")));
  CHECK(must(layout.resolve(kAny)) == image);
  const auto signatures = must(layout.referrers(image, kNotarySignature));
  REQUIRE(signatures.size() == 2);
  std::vector<std::string> envelopes;
  for (const Descriptor& signature : signatures) {
    const Manifest manifest =
        must(Manifest::parse(must(layout.read_manifest(signature)), signature.media_type));
    REQUIRE(manifest.layers.size() == 1);
    CHECK(manifest.config.media_type == kNotarySignature);
    CHECK(layout.read_blob(manifest.layers[0], kMaxEnvelopeSize));
    envelopes.push_back(manifest.layers[0].media_type);
  }
  std::sort(envelopes.begin(), envelopes.end());
  CHECK(envelopes == std::vector<std::string>{kCose, kJws});
}
