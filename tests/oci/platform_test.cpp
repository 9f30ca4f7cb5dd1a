#include "mosb/oci/platform.h"

#include "mosb/oci/index.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

const Platform kWindows{.os = "windows",
                        .architecture = "amd64",
                        .variant = "",
                        .os_version = "10.0.17763.6293",
                        .os_features = {"win32k"},
                        .features = {"sse4"}};

}  // namespace

TEST_CASE("a platform is written as os, architecture and maybe a variant", "[oci]") {
  CHECK(must(Platform::parse("linux/arm64")) ==
        Platform{.os = "linux", .architecture = "arm64", .variant = ""});
  CHECK(must(Platform::parse("linux/arm/v7")).str() == "linux/arm/v7");
  for (const char* text : {"",
                           "linux",
                           "/",
                           "linux/",
                           "/arm",
                           "linux/arm/",
                           "linux/arm/v7/x",
                           "li nux/arm",
                           "a/b\n"}) {
    INFO(text);
    CHECK(error_code(Platform::parse(text)) == Errc::kUsage);
  }
}

TEST_CASE("what a platform says besides is kept and decides nothing", "[oci]") {
  CHECK(must(parse_platform(to_json(kWindows))) == kWindows);
  Index index;
  index.manifests = {describe(kImageManifest, "x")};
  index.manifests[0].platform = kWindows;
  CHECK(must(Index::parse(index.print(), kImageIndex)) == index);
  CHECK(must(choose_platform(index, must(Platform::parse("windows/amd64")))).digest ==
        index.manifests[0].digest);
}

TEST_CASE("a platform that says something malformed is refused", "[oci]") {
  const auto refused = [](const char* name, Json value) {
    INFO(name);
    Json object = to_json(kWindows);
    object[name] = std::move(value);
    CHECK(error_code(parse_platform(object)) == Errc::kContent);
  };
  refused("os", "");
  refused("os", 1);
  refused("architecture", "a/b");
  refused("variant", "v\n7");
  refused("os.version", Json::array());
  refused("os.version", std::string(65, '1'));
  refused("os.features", "win32k");
  refused("os.features", Json::array({"a b"}));
  refused("features", std::vector<std::string>(65, "x"));
}
