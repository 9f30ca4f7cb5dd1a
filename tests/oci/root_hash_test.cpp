#include "mosb/oci/root_hash.h"

#include "mosb/oci/media_types.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

const std::string kHash = Digest::of("a").hex();

Result<std::string> with(const Annotations& annotations) {
  Descriptor layer = describe(kSquashfsLayer, "layer");
  layer.annotations = annotations;
  return root_hash_annotation(layer);
}

}  // namespace

TEST_CASE("a layer's root hash is read from the new annotation or the old one", "[oci]") {
  CHECK(must(with({{kRootHash, kHash}})) == kHash);
  CHECK(must(with({{kRootHashOld, kHash}})) == kHash);
  CHECK(must(with({{kRootHash, kHash}, {kRootHashOld, kHash}})) == kHash);
}

TEST_CASE("a layer without a root hash is refused with a hint", "[oci]") {
  const auto hash = with({{"other", kHash}});
  CHECK(error_code(hash) == Errc::kVerity);
  CHECK_THAT(hash.error().hint(), Catch::Contains(kRootHash));
}

TEST_CASE("two root hashes that differ are refused", "[oci]") {
  CHECK(error_code(with({{kRootHash, kHash}, {kRootHashOld, Digest::of("b").hex()}})) ==
        Errc::kVerity);
  CHECK(error_code(with({{kRootHash, kHash}, {kRootHashOld, ""}})) == Errc::kVerity);
}

TEST_CASE("a malformed root hash is refused and the old annotation does not stand in", "[oci]") {
  std::string upper = kHash;
  upper[0] = 'A';
  for (const std::string& text :
       {std::string(), kHash.substr(1), kHash + "0", upper, kHash + "\n", "sha256:" + kHash}) {
    INFO(text);
    CHECK(error_code(with({{kRootHash, text}})) == Errc::kVerity);
    CHECK(error_code(with({{kRootHash, text}, {kRootHashOld, kHash}})) == Errc::kVerity);
  }
}
