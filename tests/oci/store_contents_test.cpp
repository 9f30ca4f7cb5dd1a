#include "mosb/oci/store_contents.h"

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/oci/store_garbage.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

Digest digest(const std::string& text) {
  return Digest::of(text);
}

StoredImage record_of(const std::string& manifest) {
  return {.ref = "docker://example.org/" + manifest,
          .scope = "example.org/" + manifest,
          .manifest = describe(kImageManifest, manifest)};
}

/// One image, chosen from an index, with a signature of each; everything is there.
StoreContents signed_image() {
  StoreContents contents;
  StoredImage record = record_of("image");
  record.index = describe(kImageIndex, "index");
  contents.records = {record};
  contents.listed = {digest("index"), digest("signature"), digest("index signature")};
  contents.documents = {
      {digest("image"), {.needs = {digest("config"), digest("layer")}}},
      {digest("index"), {}},
      {digest("signature"),
       {.needs = {digest("empty"), digest("envelope")}, .subject = digest("image")}},
      {digest("index signature"),
       {.needs = {digest("empty"), digest("other envelope")}, .subject = digest("index")}}};
  for (const char* const name : {"image",
                                 "index",
                                 "config",
                                 "layer",
                                 "empty",
                                 "signature",
                                 "envelope",
                                 "index signature",
                                 "other envelope"}) {
    contents.blobs.emplace(digest(name), ByteCount{10});
  }
  return contents;
}

struct Fixture {
  TempDir dir = temp_dir();
  std::string path = dir.path() + "/store";
  std::optional<Store> store = must(Store::open_or_create(path));

  StoredImage pull(const std::string& name, const std::vector<std::string>& layers) {
    const TestImage image = make_image(layers);
    push_image(store->repository(), image, layers, std::nullopt);
    // As a pull does it, which gives the manifest no entry of its own.
    must(store->layout().edit_index([](Json& manifests) {
      manifests.erase(manifests.size() - 1);
      return ok();
    }));
    push_signature(store->repository(), image.descriptor, "envelope of " + name);
    StoredImage record{.ref = "docker://example.org/" + name,
                       .scope = "example.org/" + name,
                       .manifest = image.descriptor};
    must(store->record(record));
    return record;
  }
  StoreContents contents(const std::set<Digest>& also = {}) {
    return must(read_contents(*store, also));
  }
  void alone() {
    store.reset();
    store = must(Store::open_alone(path));
  }
};

}  // namespace

TEST_CASE("an image needs its manifest, index, config, layers and all signatures", "[oci]") {
  const StoreContents contents = signed_image();
  const std::set<Digest> needed = must(needed_blobs(contents, {}));
  CHECK(needed.size() == contents.blobs.size());
  CHECK(garbage_in(contents, needed) == StoreGarbage());
}

TEST_CASE("without its record an image is garbage with its index and signatures", "[oci]") {
  StoreContents contents = signed_image();
  contents.records.clear();
  const StoreGarbage garbage = garbage_in(contents, must(needed_blobs(contents, {})));
  CHECK(garbage.blobs.size() == contents.blobs.size());
  CHECK(garbage.entries == contents.listed);
  CHECK(garbage.bytes().value == 90);
}

TEST_CASE("an applied service keeps an image that has no record any more", "[oci]") {
  StoreContents contents = signed_image();
  contents.records.clear();
  const StorePins pins{.manifests = {digest("image")}};
  const StoreGarbage garbage = garbage_in(contents, must(needed_blobs(contents, pins)));
  CHECK(garbage.entries == std::set<Digest>{digest("index"), digest("index signature")});
  CHECK(garbage.blobs.size() == 3);
}

TEST_CASE("a mounted layer stays by itself", "[oci]") {
  StoreContents contents = signed_image();
  contents.records.clear();
  const StorePins pins{.blobs = {digest("layer")}};
  const StoreGarbage garbage = garbage_in(contents, must(needed_blobs(contents, pins)));
  CHECK_FALSE(garbage.blobs.contains(digest("layer")));
  CHECK(garbage.blobs.size() == contents.blobs.size() - 1);
}

TEST_CASE("what somebody named in the store's index stays with what it needs", "[oci]") {
  StoreContents contents = signed_image();
  contents.records.clear();
  contents.named = {digest("image")};
  const std::set<Digest> needed = must(needed_blobs(contents, {}));
  CHECK(needed.contains(digest("layer")));
  CHECK(needed.contains(digest("envelope")));
  CHECK_FALSE(needed.contains(digest("index")));
}

TEST_CASE("all images of an index that somebody named stay, and what mosb can't read", "[oci]") {
  StoreContents contents = signed_image();
  contents.records.clear();
  contents.documents[digest("index")].lists = {digest("image")};
  CHECK(must(needed_blobs(contents, {})).empty());
  contents.named = {digest("index"), digest("foreign")};
  contents.documents.emplace(digest("foreign"), StoredDocument());
  const std::set<Digest> needed = must(needed_blobs(contents, {}));
  CHECK(needed.contains(digest("layer")));
  CHECK(needed.contains(digest("foreign")));
}

TEST_CASE("a signature of a signature stays as long as the image does", "[oci]") {
  StoreContents contents = signed_image();
  contents.listed.insert(digest("countersignature"));
  contents.documents.emplace(digest("countersignature"),
                             StoredDocument{.subject = digest("signature")});
  CHECK(must(needed_blobs(contents, {})).contains(digest("countersignature")));
  contents.records.clear();
  CHECK(must(needed_blobs(contents, {})).empty());
}

TEST_CASE("signatures that refer to each other and to nothing else are garbage", "[oci]") {
  StoreContents contents;
  contents.listed = {digest("a"), digest("b")};
  contents.documents = {{digest("a"), {.subject = digest("b")}},
                        {digest("b"), {.subject = digest("a")}}};
  CHECK(must(needed_blobs(contents, {})).empty());
}

TEST_CASE("nothing is garbage while a needed manifest can't be read", "[oci]") {
  StoreContents contents = signed_image();
  contents.documents.erase(digest("image"));
  contents.unreadable = {{digest("image"), "bit rot"}};
  const auto needed = needed_blobs(contents, {});
  CHECK(error_code(needed) == Errc::kContent);
  CHECK_THAT(error_text(needed), Catch::Contains("bit rot"));
}

TEST_CASE("a signature that can't be read is garbage", "[oci]") {
  StoreContents contents = signed_image();
  contents.documents.erase(digest("signature"));
  contents.unreadable = {{digest("signature"), "bit rot"}};
  const StoreGarbage garbage = garbage_in(contents, must(needed_blobs(contents, {})));
  CHECK(garbage.entries == std::set<Digest>{digest("signature")});
  CHECK(garbage.blobs.contains(digest("envelope")));
}

TEST_CASE("layers and empty configs that images share stay while one of them does", "[oci]") {
  Fixture f;
  const StoredImage one = f.pull("one", {"shared", "first"});
  f.pull("two", {"shared", "second"});
  must(f.store->forget(one));
  f.alone();
  const StoreContents contents = f.contents();
  const StoreGarbage garbage = garbage_in(contents, must(needed_blobs(contents, {})));
  CHECK(garbage.blobs.contains(Digest::of("first")));
  CHECK_FALSE(garbage.blobs.contains(Digest::of("shared")));
  CHECK(garbage.entries.size() == 1);
  must(remove_garbage(*f.store, garbage));
  CHECK(must(f.store->layout().index()).manifests.size() == 2);
  const StoreContents after = f.contents();
  CHECK(garbage_in(after, must(needed_blobs(after, {}))) == StoreGarbage());
}

TEST_CASE("a store whose images are all forgotten becomes empty", "[oci]") {
  Fixture f;
  must(f.store->forget(f.pull("one", {"first"})));
  f.alone();
  const StoreContents contents = f.contents();
  must(remove_garbage(*f.store, garbage_in(contents, must(needed_blobs(contents, {})))));
  CHECK(f.contents().blobs.empty());
  CHECK(must(f.store->layout().index()).manifests.empty());
}

TEST_CASE("a pin that no record names is read for what it needs", "[oci]") {
  Fixture f;
  const StoredImage one = f.pull("one", {"first"});
  must(f.store->forget(one));
  const StoreContents contents = f.contents({one.manifest.digest});
  const StorePins pins{.manifests = {one.manifest.digest}};
  CHECK(garbage_in(contents, must(needed_blobs(contents, pins))) == StoreGarbage());
  const StorePins lost{.manifests = {Digest::of("lost")}};
  CHECK(error_code(needed_blobs(f.contents(lost.manifests), lost)) == Errc::kContent);
}

TEST_CASE("what is no blob by name or type is told apart and stays", "[oci]") {
  Fixture f;
  spit(f.path + "/blobs/sha256/notes.txt", "x");
  must(sys::mkdir(f.path + "/blobs/sha512", 0755));
  REQUIRE(::symlink("/etc/passwd", f.store->blob_path(Digest::of("link")).c_str()) == 0);
  const StoreContents contents = f.contents();
  CHECK(contents.blobs.empty());
  CHECK(contents.unknown.size() == 3);
}

TEST_CASE("blobs are removed by nobody while somebody writes", "[oci]") {
  Fixture f;
  CHECK(error_code(Store::open_alone(f.path)) == Errc::kBusy);
  const auto busy = Store::open_alone(f.path);
  CHECK_THAT(error_text(busy), Catch::Contains("a pull"));
  CHECK(Store::open_or_create(f.path));
  CHECK(Store::open(f.path));
  f.alone();
  CHECK(Store::open(f.path));
}

TEST_CASE("a record says how much its image takes, also one that an older mosb made", "[oci]") {
  Fixture f;
  const StoredImage one = f.pull("one", {"first"});
  const TestImage image = make_image({"first"});
  const ByteCount size = image_size(image.descriptor, image.manifest);
  CHECK(must(f.store->images()).front().size == size);
  must(f.store->layout().edit_index([](Json& manifests) {
    for (Json& entry : manifests) {
      entry["annotations"].erase("io.mosb.store.size");
    }
    return ok();
  }));
  const StoredImage old = must(f.store->images()).front();
  CHECK_FALSE(old.size);
  CHECK(must(f.store->size(old)) == size);
}
