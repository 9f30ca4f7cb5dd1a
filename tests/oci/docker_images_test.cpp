#include "mosb/oci/docker_images.h"

#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

std::string refused(const std::string& text) {
  INFO(text.substr(0, 200));
  const auto images = parse_docker_images(text);
  REQUIRE(error_code(images) == Errc::kContent);
  return images.error().message();
}

const std::vector<DockerImage> kTwo = {
    {.config = "a.json", .layers = {"a/layer.tar"}, .names = {"web:1", "localhost/web:1"}},
    {.config = "b.json", .layers = {"b/layer.tar"}, .names = {"docker.io/me/db:latest"}}};

Errc choice_error(const std::vector<DockerImage>& images, const std::optional<std::string>& name) {
  return error_code(choose_docker_image(images, name));
}

}  // namespace

TEST_CASE("the images of a docker archive are listed with their parts and names", "[oci]") {
  const auto images = must(parse_docker_images(R"([
    {"Config": "c.json", "RepoTags": ["web:1"], "Layers": ["l/layer.tar", "m/layer.tar"],
     "Parent": "sha256:0", "LayerSources": {}},
    {"Config": "d.json", "RepoTags": null, "Layers": ["l/layer.tar"]}])"));
  REQUIRE(images.size() == 2);
  CHECK(images[0] == DockerImage{.config = "c.json",
                                 .layers = {"l/layer.tar", "m/layer.tar"},
                                 .names = {"web:1"}});
  CHECK(images[1].names.empty());
}

TEST_CASE("a manifest.json that is no list of images is refused", "[oci]") {
  const std::string good = R"({"Config": "c", "Layers": ["l"]})";
  for (const std::string& text : {std::string("not JSON"),
                                  std::string("{}"),
                                  std::string("[]"),
                                  std::string("[1]"),
                                  std::string(R"([{"Layers": ["l"]}])"),
                                  std::string(R"([{"Config": "c"}])"),
                                  std::string(R"([{"Config": "c", "Layers": []}])"),
                                  std::string(R"([{"Config": "c", "Layers": "l"}])"),
                                  std::string(R"([{"Config": "c", "Layers": [1]}])"),
                                  std::string(R"([{"Config": 1, "Layers": ["l"]}])"),
                                  std::string(R"([{"Config": "c", "Layers": null}])"),
                                  R"([{"RepoTags": {}, )" + good.substr(1) + "]",
                                  "[" + good + "] x",
                                  "[" + good}) {
    refused(text);
  }
  CHECK_THAT(refused(R"([{"Config": "c", "Config": "d", "Layers": ["l"]}])"),
             Catch::Contains("stands twice"));
  std::string layers = R"("l")";
  for (int i = 0; i < 64; ++i) {
    layers += R"(, "l")";
  }
  CHECK_THAT(refused(R"([{"Config": "c", "Layers": [)" + layers + "]}]"),
             Catch::Contains("65 layers"));
  std::string images = good;
  for (int i = 0; i < 1000; ++i) {
    images += ", " + good;
  }
  CHECK_THAT(refused("[" + images + "]"), Catch::Contains("1001 images"));
  refused("[" + std::string(kMaxDockerManifestSize.value, ' ') + good + "]");
}

TEST_CASE("a name without host or tag means what Docker means by it", "[oci]") {
  CHECK(is_same_docker_name("web", "docker.io/library/web:latest"));
  CHECK(is_same_docker_name("me/web:1", "docker.io/me/web:1"));
  CHECK(is_same_docker_name("localhost:5000/web", "localhost:5000/web:latest"));
  CHECK_FALSE(is_same_docker_name("web", "web:1"));
  CHECK_FALSE(is_same_docker_name("localhost/web", "web"));
  CHECK_FALSE(is_same_docker_name("example.org/web", "web"));
}

TEST_CASE("one of several images is chosen by its name", "[oci]") {
  CHECK(must(choose_docker_image({kTwo[0]}, std::nullopt)) == 0);
  CHECK(must(choose_docker_image(kTwo, "docker.io/library/web:1")) == 0);
  CHECK(must(choose_docker_image(kTwo, "me/db")) == 1);
  CHECK(choice_error(kTwo, std::nullopt) == Errc::kUsage);
  CHECK(choice_error(kTwo, "web") == Errc::kNotFound);
  CHECK(choice_error({kTwo[0], kTwo[0]}, "web:1") == Errc::kContent);
  CHECK(choose_docker_image(kTwo, std::nullopt).error().hint() ==
        "name one of them: web:1, localhost/web:1, docker.io/me/db:latest");
}
