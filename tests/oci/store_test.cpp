#include "mosb/oci/store.h"

#include <sys/stat.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

struct Fixture {
  TempDir dir = temp_dir();
  std::string path = dir.path() + "/a/store";
  Store store = must(Store::open_or_create(path));
  TestImage image = make_image({"one"});
  StoredImage record{.ref = "docker://example.org/app:1",
                     .scope = "example.org/app",
                     .manifest = image.descriptor};
  Fixture() { push_image(store.repository(), image, {"one"}, std::nullopt); }
};

mode_t mode_of(const std::string& path) {
  return must(sys::lstat(path)).st_mode & 07777;
}

}  // namespace

TEST_CASE("the store is private and an OCI layout", "[oci]") {
  Fixture f;
  CHECK(mode_of(f.path) == 0700);
  CHECK(mode_of(f.path + "/tmp") == 0700);
  CHECK(Layout::open(f.path));
  CHECK(must(list_dir(f.path + "/tmp")).empty());
}

TEST_CASE("a record keeps reference, scope and index, and is found by either name", "[oci]") {
  Fixture f;
  CHECK(must(f.store.images()).empty());
  f.record.index = describe(kImageIndex, "index");
  must(f.store.record(f.record));
  Store again = must(Store::open_or_create(f.path));
  CHECK(must(again.images()) == std::vector<StoredImage>{f.record});
  CHECK(must(again.find(f.record.ref, f.record.scope)) == f.record);
  CHECK(must(again.find(f.image.descriptor.digest.str(), f.record.scope)) == f.record);
  CHECK_FALSE(must(again.find("docker://example.org/app:2", f.record.scope)));
  const Reference other_tools{
      .kind = Reference::Kind::kLayout, .path = f.path, .tag = "example.org/app:1"};
  CHECK(must(again.repository().resolve(other_tools)) == f.image.descriptor);
}

TEST_CASE("an image accepted under one scope is not found under another", "[oci]") {
  Fixture f;
  must(f.store.record(f.record));
  CHECK_FALSE(must(f.store.find(f.record.ref, "local/mosb")));
  CHECK_FALSE(must(f.store.find(f.image.descriptor.digest.str(), "local/mosb")));
  StoredImage local = f.record;
  local.ref = "oci:/srv/images:app";
  local.scope = "local/mosb";
  must(f.store.record(local));
  CHECK(must(f.store.find(f.image.descriptor.digest.str(), "local/mosb")) == local);
  CHECK(must(f.store.find_all(f.image.descriptor.digest)).size() == 2);
  must(f.store.forget(f.record));
  CHECK_FALSE(must(f.store.find(f.record.ref, f.record.scope)));
  CHECK(must(f.store.images()) == std::vector<StoredImage>{local});
  must(f.store.forget(f.record));
}

TEST_CASE("a newer record of the same reference and scope takes the older one's place", "[oci]") {
  Fixture f;
  must(f.store.record(f.record));
  const TestImage next = make_image({"two"});
  push_image(f.store.repository(), next, {"two"}, std::nullopt);
  StoredImage newer = f.record;
  newer.manifest = next.descriptor;
  must(f.store.record(newer));
  CHECK(must(f.store.images()) == std::vector<StoredImage>{newer});
}

TEST_CASE("recording the same again writes nothing", "[oci]") {
  Fixture f;
  must(f.store.record(f.record));
  const auto before = must(sys::lstat(f.path + "/index.json"));
  must(f.store.record(f.record));
  must(Store::open_or_create(f.path));
  CHECK(must(sys::lstat(f.path + "/index.json")).st_ino == before.st_ino);
}

TEST_CASE("a manifest that the store does not hold can't be recorded", "[oci]") {
  Fixture f;
  f.record.manifest = describe(kImageManifest, "elsewhere");
  CHECK(error_code(f.store.record(f.record)) == Errc::kNotFound);
  CHECK(must(f.store.images()).empty());
}

TEST_CASE("looking at a store makes none and changes none", "[oci]") {
  Fixture f;
  must(f.store.record(f.record));
  CHECK(must(must(Store::open(f.path)).images()).size() == 1);
  const std::string missing = f.path + "-missing";
  CHECK(error_code(Store::open(missing)) == Errc::kNotFound);
  CHECK_FALSE(path_exists(missing));
  must(remove_tree(f.path + "/tmp"));
  must(Store::open(f.path));
  CHECK_FALSE(path_exists(f.path + "/tmp"));
}

TEST_CASE("signatures and indexes in the store are no records", "[oci]") {
  Fixture f;
  push_signature(f.store.repository(), f.image.descriptor, "envelope");
  CHECK(must(f.store.images()).empty());
  must(f.store.record(f.record));
  CHECK(must(f.store.images()).size() == 1);
  CHECK(must(f.store.repository().referrers(f.image.descriptor, kNotarySignature)).size() == 1);
}

TEST_CASE("a signature that can't be read any more is not taken for none", "[oci]") {
  Fixture f;
  oci::Repository& repository = f.store.repository();
  const Descriptor signature = push_signature(repository, f.image.descriptor, "envelope");
  const std::string path = f.store.blob_path(signature.digest);
  const std::string bytes = slurp(path);
  for (const char* damage : {"{", "", static_cast<const char*>(nullptr)}) {
    must(sys::unlink(path));
    if (damage != nullptr) {
      spit(path, damage);
    }
    CHECK(error_code(repository.referrers(f.image.descriptor, kNotarySignature)) == Errc::kContent);
    spit(path, bytes);
    CHECK(must(repository.referrers(f.image.descriptor, kNotarySignature)).size() == 1);
  }
  // Another one that can be read is enough to go on with; another image's is nobody else's matter.
  const Descriptor second = push_signature(repository, f.image.descriptor, "envelope 2");
  must(sys::unlink(path));
  const auto found = must(repository.referrers(f.image.descriptor, kNotarySignature));
  REQUIRE(found.size() == 1);
  CHECK(found[0].digest == second.digest);
  const TestImage other = make_image({"another"});
  push_image(repository, other, {"another"}, std::nullopt);
  CHECK(must(repository.referrers(other.descriptor, kNotarySignature)).empty());
}

TEST_CASE("what a signature says in its annotations makes no record and takes no tag", "[oci]") {
  Fixture f;
  push_image(f.store.repository(), f.image, {"one"}, "web");
  const std::string envelope = "envelope";
  const std::string bytes = Manifest{
      .config = describe(kNotarySignature, "{}"),
      .layers = {describe(kJws, envelope)},
      .subject = bare(f.image.descriptor),
      .annotations = {
          {"io.mosb.store.reference", "docker://registry.example/web:1"},
          {"io.mosb.store.scope", "registry.example/web"},
          {"io.mosb.store.subject", "another"},
          {kRefName, "web"}}}.print();
  const Descriptor signature = describe(kImageManifest, bytes);
  must(f.store.repository().push_referrer(signature, bytes, f.image.descriptor));
  CHECK(must(f.store.images()).empty());
  CHECK(must(f.store.repository().referrers(f.image.descriptor, "")).size() == 1);
  CHECK(must(f.store.repository().resolve(
            must(Reference::parse("oci:" + f.store.dir() + ":web")))) == f.image.descriptor);
}

TEST_CASE("a damaged store is refused as damaged state", "[oci]") {
  Fixture f;
  must(f.store.record(f.record));
  SECTION("index.json cut short") {
    spit(f.path + "/index.json", R"({"schemaVersion":2,"manif)");
    CHECK(error_code(f.store.images()) == Errc::kState);
    CHECK(error_code(f.store.record(f.record)) == Errc::kState);
    CHECK(error_code(Store::open_or_create(f.path)) == Errc::kState);
  }
  SECTION("a record without a scope") {
    must(f.store.layout().edit_index([](Json& manifests) {
      for (Json& entry : manifests) {
        if (entry.contains("annotations")) {
          entry["annotations"].erase("io.mosb.store.scope");
        }
      }
      return ok();
    }));
    CHECK(error_code(f.store.images()) == Errc::kState);
  }
  SECTION("a newer layout version") {
    spit(f.path + "/oci-layout", R"({"imageLayoutVersion":"9.0.0"})");
    CHECK(error_code(Store::open_or_create(f.path)) == Errc::kState);
  }
  SECTION("a directory that others may write to") {
    REQUIRE(::chmod(f.path.c_str(), 0777) == 0);
    const auto store = Store::open_or_create(f.path);
    CHECK(error_code(store) == Errc::kState);
    CHECK_THAT(store.error().hint(), Catch::Contains("chmod 0700"));
  }
  SECTION("a directory with something else in it") {
    const TempDir other = temp_dir();
    spit(other.path() + "/file", "x");
    CHECK(error_code(Store::open_or_create(other.path())) == Errc::kState);
  }
}

TEST_CASE("opening the store removes what a killed pull left", "[oci]") {
  Fixture f;
  spit(f.path + "/tmp/.mosb-tmp-0123456789", "half a layer");
  must(Store::open_or_create(f.path));
  CHECK(must(list_dir(f.path + "/tmp")).empty());
}
