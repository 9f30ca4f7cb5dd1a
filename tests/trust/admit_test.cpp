#include <catch2/catch.hpp>

#include "mosb/oci/media_types.h"
#include "mosb/trust/verify.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;

/// An image in a layout, indexes above it, and a policy that looks at no signature, so that what
/// refuses is the index.
struct Host {
  TempDir temp = test::make_temp_dir();
  oci::Layout layout = test::layout_with_case(temp.path() + "/layout", "jws_empty_obj");
  oci::Descriptor image = test::vector_subject();

  explicit Host(const char* config = "skip") {
    test::copy_tree(test::notation_data(std::string("configs/") + config), temp.path() + "/config");
  }
  oci::Descriptor add_index(const std::vector<oci::Descriptor>& entries) {
    Json index{{"schemaVersion", 2}, {"mediaType", oci::kImageIndex}, {"manifests", Json::array()}};
    for (const oci::Descriptor& entry : entries) {
      index["manifests"].push_back(oci::to_json(entry));
    }
    const std::string bytes = index.dump();
    oci::Descriptor descriptor = oci::describe(oci::kImageIndex, bytes);
    must(layout.push_manifest(descriptor, bytes, {}));
    return descriptor;
  }
  Result<AdmittedManifest> admit_from(const oci::Descriptor& index) {
    return admit_from_index(layout,
                            VerifyRequest{index, "registry.example/app", {}, 100},
                            image,
                            must(NotationConfig::open(temp.path() + "/config")),
                            test::vector_clock());
  }
  Result<AdmittedManifest> admit_image(const std::optional<oci::Descriptor>& index) {
    return admit_chosen(layout,
                        VerifyRequest{image, "registry.example/app", {}, 100},
                        index,
                        must(NotationConfig::open(temp.path() + "/config")),
                        test::vector_clock());
  }
};

oci::Descriptor absent(const char* media_type) {
  return oci::describe(media_type, "not there");
}

TEST_CASE("an index admits what it lists, itself or through one below it, and nothing else",
          "[trust]") {
  Host host;
  const oci::Descriptor direct = host.add_index({absent(oci::kImageManifest), host.image});
  const oci::Descriptor nested = host.add_index({direct});
  CHECK(host.admit_from(direct));
  CHECK(host.admit_from(nested));
  CHECK(host.admit_from(host.add_index({absent(oci::kImageIndex), direct})));
  for (const oci::Descriptor& index : {host.add_index({}),
                                       host.add_index({absent(oci::kImageManifest)}),
                                       host.add_index({absent(oci::kImageIndex)}),
                                       host.add_index({host.add_index({})}),
                                       host.add_index({nested})}) {
    const auto admitted = host.admit_from(index);
    REQUIRE_FALSE(admitted);
    CHECK(admitted.error().code() == Errc::kContent);
    CHECK(admitted.error().message().find("does not list") != std::string::npos);
  }
  oci::Descriptor resized = host.image;
  resized.size += 1;
  CHECK_FALSE(host.admit_from(host.add_index({resized})));
}

TEST_CASE("an image is admitted by its index or by itself, and a refusal names both", "[trust]") {
  Host lenient;
  CHECK(lenient.admit_image(std::nullopt));
  CHECK(lenient.admit_image(lenient.add_index({lenient.image})));
  // The index does not list it, but the image by itself is acceptable.
  CHECK(lenient.admit_image(lenient.add_index({})));
  Host strict("strict");
  const auto by_itself = strict.admit_image(std::nullopt);
  REQUIRE_FALSE(by_itself);
  CHECK(by_itself.error().message().find("index") == std::string::npos);
  const auto refused = strict.admit_image(strict.add_index({strict.image}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::kSignature);
  CHECK(refused.error().message().find("its index does not count") != std::string::npos);
}

TEST_CASE("an index that was lost is damage, not an image without signature", "[trust]") {
  const oci::Descriptor lost = absent(oci::kImageIndex);
  Host strict("strict");
  const auto unknown = strict.admit_image(lost);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == Errc::kNotFound);
  CHECK(unknown.error().message().find("read its index") != std::string::npos);
  // The image's own signature, or a policy that asks for none, counts without it.
  CHECK(Host().admit_image(lost));
}

}  // namespace
}  // namespace mosb::trust
