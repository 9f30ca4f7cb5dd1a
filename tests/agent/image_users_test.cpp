#include "mosb/agent/image_users.h"

#include <catch2/catch.hpp>

using namespace mosb;
using namespace mosb::agent;

namespace {

oci::StoredImage image(const std::string& name, const std::string& scope) {
  return {.ref = "docker://example.org/" + name,
          .scope = scope,
          .manifest = oci::describe(oci::kImageManifest, name)};
}

}  // namespace

TEST_CASE("a service uses an image under the scope that it was accepted under", "[users]") {
  const std::vector<ImageUser> users{
      {.name = "service web", .release = "", .manifest = Digest::of("app"), .scope = "a"}};
  CHECK(names_of(users_of(image("app", "a"), users)) == std::vector<std::string>{"service web"});
  CHECK(users_of(image("app", "b"), users).empty());
  CHECK(users_of(image("other", "a"), users).empty());
}

TEST_CASE("a mount uses an image whatever its scope", "[users]") {
  const std::vector<ImageUser> users{
      {.name = "mount /mnt/x", .release = "", .manifest = Digest::of("app"), .scope = ""}};
  CHECK(users_of(image("app", "a"), users).size() == 1);
  CHECK(users_of(image("app", "b"), users).size() == 1);
}

TEST_CASE("a service that is applied and mounted is named once", "[users]") {
  const std::vector<ImageUser> users{
      {.name = "service web", .release = "", .manifest = Digest::of("app"), .scope = "a"},
      {.name = "service web", .release = "", .manifest = Digest::of("app"), .scope = ""},
      {.name = "mount /m", .release = "", .manifest = Digest::of("app"), .scope = ""}};
  CHECK(names_of(users_of(image("app", "a"), users)) ==
        std::vector<std::string>{"service web", "mount /m"});
}

TEST_CASE("a mount of an unknown image pins its layers and uses no record", "[users]") {
  const std::vector<ImageUser> users{{.name = "mount /m",
                                      .release = "",
                                      .manifest = std::nullopt,
                                      .scope = "",
                                      .layers = {Digest::of("layer")}}};
  CHECK(users_of(image("app", "a"), users).empty());
  const oci::StorePins pins = pins_of(users);
  CHECK(pins.manifests.empty());
  CHECK(pins.blobs == std::set<Digest>{Digest::of("layer")});
}
