#include "verity/layer_filesystem.h"

#include <catch2/catch.hpp>

#include "mosb/base/temp_dir.h"
#include "tests/support/must.h"
#include "tests/verity/data_fixture.h"
#include "verity/block.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

std::string make_erofs(const std::string& dir) {
  test::run({"mkdir", dir + "/tree"});
  test::write_all(dir + "/tree/noise", test::image_bytes(300));
  test::run({"mkfs.erofs", "--quiet", "-T0", dir + "/layer", dir + "/tree"});
  return dir + "/layer";
}

Result<Filesystem> identify(const std::string& image) {
  return identify_filesystem(std::as_bytes(std::span(image)).first(kBlockSize),
                             ByteCount{image.size()});
}

}  // namespace

TEST_CASE("bytes that are no file system, or two at once, are refused", "[verity]") {
  const TempDir dir = must(TempDir::make(test::scratch_parent(), "mosb-kind-"));
  const std::string erofs = test::read_all(make_erofs(dir.path()));
  const std::string squashfs = test::image_bytes(300);
  CHECK(must(identify(erofs)) == Filesystem::kErofs);
  CHECK(must(identify(squashfs)) == Filesystem::kSquashfs);
  std::string both = squashfs;
  both.replace(1024, 128, erofs, 1024, 128);
  const auto ambiguous = identify(both);
  REQUIRE_FALSE(ambiguous);
  CHECK_THAT(ambiguous.error().message(), Catch::Contains("at once"));
  const auto neither = identify(std::string(8192, '\0'));
  REQUIRE_FALSE(neither);
  CHECK(neither.error().code() == Errc::kVerity);
  CHECK_FALSE(identify(erofs + std::string(4096, '\0')));
  CHECK_FALSE(identify(erofs.substr(0, erofs.size() - 4096)));
}

TEST_CASE("a layer of another file system than its media type says is refused when verified",
          "[verity]") {
  const TempDir dir = must(TempDir::make(test::scratch_parent(), "mosb-kind-"));
  const std::string path = make_erofs(dir.path());
  const HashTreeResult tree = must(append_hash_tree(path));
  const auto verify = [&](Filesystem filesystem) {
    return verify_layer_file(
        test::source_of(path, tree.file_size.value, tree.root_hash, filesystem));
  };
  CHECK(verify(Filesystem::kErofs));
  const Status refused = verify(Filesystem::kSquashfs);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kVerity);
  CHECK_THAT(refused.error().message(),
             Catch::Contains("media type says squashfs, but it is erofs"));
  test::flip_bit(path, 8ULL * 4096 * 100);
  CHECK_FALSE(verify(Filesystem::kErofs));
}
