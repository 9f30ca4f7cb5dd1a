#include "mosb/oci/archive.h"

#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

const std::vector<std::string> kLayers = {"one", std::string(300'000, 'x')};

Reference tagged(const std::string& tag) {
  return {.kind = Reference::Kind::kArchive, .path = "x", .tag = tag};
}

struct Fixture {
  TempDir dir = temp_dir();
  std::string temp = dir.path() + "/temp";
  std::string file = dir.path() + "/image.tar";
  TestImage image = make_image(kLayers);
  Fixture() { must(sys::mkdir(temp, 0700)); }

  void save() {
    Archive archive = must(Archive::create(temp));
    push_image(archive, image, kLayers, "web");
    push_signature(archive, image.descriptor, "envelope");
    must(archive.save(file));
  }
  /// Unpacks what save() wrote into a directory that the test may spoil.
  std::string unpack() {
    const std::string where = dir.path() + "/unpacked";
    must(sys::mkdir(where, 0700));
    tar({"-xf", file, "-C", where});
    return where;
  }
  void tar(std::vector<std::string> argv) {
    argv.insert(argv.begin(), "tar");
    const Completed done =
        must(RealProcessRunner().run({.argv = argv, .env = {"PATH=/usr/bin:/bin"}}));
    INFO(done.err);
    REQUIRE(done.status == 0);
  }
  std::string refused() {
    const auto archive = Archive::open(file, temp);
    REQUIRE(error_code(archive) == Errc::kContent);
    CHECK(must(list_dir(temp)).empty());
    return archive.error().message();
  }
};

}  // namespace

TEST_CASE("an image goes through an archive unchanged", "[oci]") {
  Fixture f;
  f.save();
  {
    Archive archive = must(Archive::open(f.file, f.temp));
    CHECK(must(archive.resolve(tagged("web"))) == f.image.descriptor);
    CHECK(must(archive.read_manifest(f.image.descriptor)) == f.image.bytes);
    CHECK(must(archive.read_blob(f.image.manifest.layers[1], ByteCount{kMiB})) == kLayers[1]);
    CHECK(must(archive.referrers(f.image.descriptor, kNotarySignature)).size() == 1);
  }
  CHECK(must(list_dir(f.temp)).empty());
}

TEST_CASE("the same image gives the same archive, byte for byte", "[oci]") {
  Fixture f;
  f.save();
  const std::string first = slurp(f.file);
  f.save();
  CHECK(slurp(f.file) == first);
}

TEST_CASE("an archive that tar made of a layout is read, other files in it are ignored", "[oci]") {
  Fixture f;
  f.save();
  const std::string layout = f.unpack();
  spit(layout + "/manifest.json", "[]");
  f.tar({"-cf", f.file, "-C", layout, "."});
  Archive archive = must(Archive::open(f.file, f.temp));
  CHECK(must(archive.resolve(tagged("web"))) == f.image.descriptor);
}

TEST_CASE("what is no archive of a layout is refused", "[oci]") {
  Fixture f;
  CHECK(error_code(Archive::open(f.dir.path() + "/none.tar", f.temp)) == Errc::kNotFound);
  CHECK(error_code(Archive::open(f.dir.path(), f.temp)) == Errc::kContent);
  spit(f.file, "no tar at all, but long enough to look at");
  f.refused();
  spit(f.dir.path() + "/x", "x");
  f.tar({"-cf", f.file, "-C", f.dir.path(), "x"});
  CHECK_THAT(f.refused(), Catch::Contains("holds no OCI layout"));
  f.save();
  const std::string layout = f.unpack();
  f.tar({"-czf", f.file, "-C", layout, "."});
  f.refused();
}

TEST_CASE("a hostile archive is refused and leaves nothing", "[oci]") {
  Fixture f;
  f.save();
  const std::string layout = f.unpack();
  const std::string blob = layout + "/blobs/sha256/" + f.image.descriptor.digest.hex();
  const auto pack = [&] { f.tar({"-cf", f.file, "-C", layout, "."}); };
  SECTION("a blob with another content") {
    std::string wrong = f.image.bytes;
    wrong[1] ^= 1;
    spit(blob, wrong);
    pack();
    CHECK_THAT(f.refused(), Catch::Contains("differs from its digest"));
  }
  SECTION("a blob that is a symlink") {
    must(sys::unlink(blob));
    REQUIRE(::symlink("/etc/passwd", blob.c_str()) == 0);
    pack();
    CHECK_THAT(f.refused(), Catch::Contains("not a plain file"));
  }
  SECTION("a blob that is a hard link") {
    REQUIRE(::link(blob.c_str(), (layout + "/blobs/sha256/x").c_str()) == 0);
    must(sys::unlink(layout + "/blobs/sha256/x"));
    REQUIRE(::link(blob.c_str(), (layout + "/blobs/sha256/" + std::string(64, '0')).c_str()) == 0);
    pack();
    CHECK_THAT(f.refused(), Catch::Contains("not a plain file"));
  }
  SECTION("a sparse blob that claims more than the archive holds") {
    REQUIRE(::truncate(blob.c_str(), off_t{1} << 40U) == 0);
    f.tar({"-S", "-cf", f.file, "-C", layout, "."});
    f.refused();
  }
  SECTION("index.json is a directory") {
    must(sys::unlink(layout + "/index.json"));
    must(sys::mkdir(layout + "/index.json", 0700));
    f.tar({"-cf", f.file, "--transform", "s,index.json/,index.json,", "-C", layout, "."});
    f.refused();
  }
  SECTION("a blob under a name that is no digest") {
    spit(layout + "/blobs/sha256/abc", "x");
    pack();
    CHECK_THAT(f.refused(), Catch::Contains("malformed digest"));
  }
  SECTION("index.json twice") {
    f.tar({"-rf", f.file, "-C", layout, "index.json"});
    CHECK_THAT(f.refused(), Catch::Contains("twice"));
  }
  SECTION("a name that leads out of the archive is nobody's blob") {
    f.tar({"-rf", f.file, "-P", "--transform", "s,.*,../../../evil,", "-C", layout, "oci-layout"});
    CHECK(Archive::open(f.file, f.temp));
    CHECK_FALSE(path_exists(f.dir.path() + "/evil"));
  }
  SECTION("it is cut short") {
    const std::string bytes = slurp(f.file);
    spit(f.file, bytes.substr(0, bytes.size() / 2));
    f.refused();
  }
  CHECK(must(list_dir(f.temp)).empty());
}

TEST_CASE("what a killed process unpacked goes when the next archive is opened", "[oci]") {
  Fixture f;
  f.save();
  const std::string dead = f.temp + "/.mosb-tmp-dead";
  must(sys::mkdir(dead, 0700));
  spit(dead + "/blob", "half");
  Archive first = must(Archive::open(f.file, f.temp));
  CHECK_FALSE(path_exists(dead));
  // The living one stays.
  Archive second = must(Archive::open(f.file, f.temp));
  CHECK(must(list_dir(f.temp)).size() == 2);
  CHECK(must(first.resolve(tagged("web"))) == f.image.descriptor);
}
