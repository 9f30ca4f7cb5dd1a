#include <string>

#include "mosb/oci/index.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/manifest.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');
const std::string kOther = "sha256:" + std::string(64, 'b');

std::string config(const std::string& digest = kDigest) {
  return R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + digest +
         R"(","size":2})";
}

std::string layer(const std::string& digest, const std::string& more = "") {
  return R"({"mediaType":"application/vnd.stacker.image.layer.squashfs","digest":")" + digest +
         R"(","size":1)" + more + "}";
}

std::string head(const std::string& media_type = kImageManifest) {
  return R"({"schemaVersion":2,"mediaType":")" + media_type + "\",";
}

Result<Manifest> parse(const std::string& text, const std::string& media_type = kImageManifest) {
  return Manifest::parse(text, media_type);
}

/// Refused as content, and the text names the reason.
void refuse(const std::string& text, const std::string& why) {
  const auto manifest = parse(text);
  INFO(text.substr(0, 300));
  REQUIRE(error_code(manifest) == Errc::kContent);
  CHECK_THAT(manifest.error().message(), Catch::Contains(why));
}

std::string with_digest(const std::string& digest) {
  return head() + config(digest) + R"(,"layers":[]})";
}

}  // namespace

TEST_CASE("a manifest is printed so that it reads back the same", "[oci]") {
  const TestImage image = make_image({"one", "two"});
  Manifest manifest = image.manifest;
  manifest.subject = describe(kImageManifest, "subject");
  manifest.artifact_type = "application/vnd.example";
  manifest.annotations = {{"a", "b\n"}};
  manifest.layers[0].platform = Platform{.os = "linux", .architecture = "arm", .variant = "v7"};
  CHECK(must(parse(manifest.print())) == manifest);
  CHECK(manifest.print() == manifest.print());
}

TEST_CASE("a document with both layers and manifests is refused, whatever its type", "[oci]") {
  refuse(head() + config() + R"(,"layers":[],"manifests":[]})", "must not have 'manifests'");
  const std::string both = head(kImageIndex) + R"("manifests":[],"layers":[]})";
  CHECK(error_code(Index::parse(both, kImageIndex)) == Errc::kContent);
  const std::string index_with_config = head(kImageIndex) + config() + R"(,"manifests":[]})";
  CHECK(error_code(Index::parse(index_with_config, kImageIndex)) == Errc::kContent);
}

TEST_CASE("a media type other than the one that was named is refused", "[oci]") {
  const std::string rest = config() + R"(,"layers":[]})";
  for (const std::string& wrong : {std::string(kImageIndex),
                                   std::string(kDockerManifest),
                                   std::string("application/vnd.OCI.image.manifest.v1+json"),
                                   std::string(kImageManifest) + "; charset=utf-8",
                                   std::string()}) {
    refuse(head(wrong) + rest, "its media type is");
  }
  CHECK(parse(head() + rest));
  CHECK(error_code(parse(head() + rest, kImageIndex)) == Errc::kContent);
  CHECK(error_code(parse(head("text/plain") + rest, "text/plain")) == Errc::kContent);
}

TEST_CASE("a document without a media type is taken for OCI's manifest only", "[oci]") {
  const std::string text = R"({"schemaVersion":2,)" + config() + R"(,"layers":[]})";
  CHECK(must(parse(text)).media_type == kImageManifest);
  CHECK(error_code(parse(text, kDockerManifest)) == Errc::kContent);
  CHECK(Index::parse(R"({"schemaVersion":2,"manifests":[]})", kImageIndex));
  CHECK(error_code(Index::parse(R"({"schemaVersion":2,"manifests":[]})", kDockerManifestList)) ==
        Errc::kContent);
  CHECK(error_code(parse(R"({"schemaVersion":2,"mediaType":null,)" + config() +
                         R"(,"layers":[]})")) == Errc::kContent);
}

TEST_CASE("a digest that is not sha256 and 64 lower-case hex digits is refused", "[oci]") {
  const std::string hex(64, 'a');
  for (const std::string& digest : {std::string("sha256:../../etc/passwd"),
                                    "sha256:" + std::string(64, 'A'),
                                    "sha256:" + hex.substr(1),
                                    "sha256:" + hex + "a",
                                    std::string("sha256:"),
                                    "md5:" + hex.substr(32),
                                    "sha512:" + hex + hex,
                                    "sha256+b64u:" + hex,
                                    "SHA256:" + hex,
                                    " sha256:" + hex,
                                    std::string(),
                                    R"(sha256:\u0000)" + hex.substr(1)}) {
    refuse(with_digest(digest), "malformed digest");
  }
}

TEST_CASE("a size that is negative, fractional, text or beyond 63 bits is refused", "[oci]") {
  for (const std::string size :
       {"-1", "1.5", "1e3", "\"1\"", "18446744073709551616", "9223372036854775808", "null"}) {
    INFO(size);
    const std::string text = head() + R"("config":{"mediaType":"a/b","digest":")" + kDigest +
                             R"(","size":)" + size + R"(},"layers":[]})";
    CHECK(error_code(parse(text)) == Errc::kContent);
  }
}

TEST_CASE("a descriptor with urls is refused", "[oci]") {
  refuse(head() + config() + R"(,"layers":[)" + layer(kOther, R"(,"urls":["https://a.b/"])") + "]}",
         "'urls'");
  refuse(head() + config() + R"(,"layers":[)" + layer(kOther, R"(,"urls":[])") + "]}", "'urls'");
}

TEST_CASE("embedded data in a descriptor is not used", "[oci]") {
  const Manifest manifest = must(
      parse(head() + config() + R"(,"layers":[)" + layer(kOther, R"(,"data":"bm90IGl0")") + "]}"));
  CHECK(manifest.print().find("data") == std::string::npos);
}

TEST_CASE("missing and mistyped members of a manifest are refused by name", "[oci]") {
  refuse(head() + R"("layers":[]})", "'config'");
  refuse(head() + config() + "}", "'layers'");
  refuse(head() + config() + R"(,"layers":{}})", "'layers'");
  refuse(head() + config() + R"(,"layers":[1]})", "layers[0]");
  refuse(head() + config() + R"(,"layers":[{}]})", "'digest'");
  refuse(head() + config() + R"(,"layers":[],"annotations":{"a":1}})", "annotations");
  refuse(head() + config() + R"(,"layers":[],"subject":{"digest":"x"}})", "subject");
  refuse(head() + config() + R"(,"layers":[],"artifactType":"no type"})", "media type");
  refuse(R"({"mediaType":")" + std::string(kImageManifest) + "\"," + config() + R"(,"layers":[]})",
         "schemaVersion");
  refuse(R"({"schemaVersion":1,"mediaType":")" + std::string(kImageManifest) + "\"," + config() +
             R"(,"layers":[]})",
         "schemaVersion");
  refuse("[]", "not a JSON object");
  refuse("", "malformed JSON");
}

TEST_CASE("a member that stands twice is refused", "[oci]") {
  refuse(head() + config() + R"(,"layers":[],"layers":[]})", "'layers' stands twice");
}

TEST_CASE("deep, huge and endless documents are refused", "[oci]") {
  refuse(head() + config() + R"(,"layers":[],"x":)" + std::string(100'000, '[') +
             std::string(100'000, ']') + "}",
         "levels");
  refuse(std::string(4 * kMiB, '['), "levels");
  refuse(std::string(4 * kMiB + 1, ' '), "bytes, more than");
}

// Time that grows with the square of their number would not end before the test program's deadline.
TEST_CASE("a document with hundreds of thousands of members is judged soon", "[oci]") {
  std::string members;
  for (int i = 0; members.size() < 4 * kMiB - 1000; ++i) {
    members += ",\"" + std::to_string(i) + "\":0";
  }
  refuse(head() + config() + R"(,"layers":{})" + members + "}", "'layers'");
}

TEST_CASE("a manifest has at most 64 layers", "[oci]") {
  std::string layers;
  for (int i = 0; i < 65; ++i) {
    const std::string digest = Digest::of(std::to_string(i)).str();
    layers += (i == 0 ? "" : ",") + layer(digest);
  }
  refuse(head() + config() + R"(,"layers":[)" + layers + "]}", "65 entries, more than 64");
}

TEST_CASE("an image has a config, at least one layer and none twice", "[oci]") {
  const auto why = [](const Manifest& manifest) {
    const Status status = require_image(manifest);
    CHECK(error_code(status) == Errc::kContent);
    return status.error().message();
  };
  const TestImage good = make_image({"one", "two"});
  CHECK(require_image(good.manifest));
  Manifest manifest = good.manifest;
  manifest.layers.clear();
  CHECK_THAT(why(manifest), Catch::Contains("no layers"));
  manifest = good.manifest;
  manifest.layers.push_back(manifest.layers.front());
  CHECK_THAT(why(manifest), Catch::Contains("twice"));
  manifest = good.manifest;
  manifest.layers.front().digest = manifest.config.digest;
  CHECK_THAT(why(manifest), Catch::Contains("config as well"));
  manifest = good.manifest;
  manifest.config.media_type = kNotarySignature;
  CHECK_THAT(why(manifest), Catch::Contains("not an image"));
}

TEST_CASE("only squashfs and erofs layers can be mounted; others are refused with a hint",
          "[oci]") {
  const std::string squashfs = kSquashfsLayer;
  for (const char* suffix : {"", "+gzip", "+xz", "+lz4", "+zstd", "+zstd+verity", "+verity"}) {
    CHECK(layer_filesystem(squashfs + suffix) == Filesystem::kSquashfs);
  }
  const std::string erofs = kErofsLayer;
  for (const char* suffix :
       {"", "+lz4", "+lz4hc", "+lzma", "+deflate", "+zstd", "+lz4hc+verity", "+verity"}) {
    CHECK(layer_filesystem(erofs + suffix) == Filesystem::kErofs);
  }
  for (const std::string& type : {std::string("application/vnd.oci.image.layer.v1.tar+gzip"),
                                  std::string("application/vnd.stacker.image.layer"),
                                  std::string("application/vnd.erofs.layer.v1"),
                                  squashfs + "x",
                                  squashfs + "+",
                                  squashfs + "+lz4hc",
                                  squashfs + "+zstd+zstd",
                                  squashfs + "+verity+zstd",
                                  squashfs + "/../x",
                                  erofs + "x",
                                  erofs + "+gzip",
                                  erofs + "+lz4+lz4hc",
                                  std::string()}) {
    INFO(type);
    CHECK_FALSE(layer_filesystem(type));
    Manifest manifest = make_image({"one"}).manifest;
    CHECK(require_mountable_image(manifest));
    manifest.layers[0].media_type = type;
    const Status status = require_mountable_image(manifest);
    CHECK(error_code(status) == Errc::kContent);
    CHECK_FALSE(status.error().hint().empty());
  }
}

TEST_CASE("an index chooses exactly the host's platform", "[oci]") {
  const auto entry = [](const std::string& name, const std::string& arch, const std::string& var) {
    Descriptor descriptor = describe(kImageManifest, name);
    descriptor.platform = Platform{.os = "linux", .architecture = arch, .variant = var};
    return descriptor;
  };
  const Platform amd64{.os = "linux", .architecture = "amd64", .variant = ""};
  const Platform arm64{.os = "linux", .architecture = "arm64", .variant = ""};
  Index index;
  index.manifests = {entry("a", "amd64", ""),
                     entry("b", "arm64", "v8"),
                     entry("c", "arm", "v7"),
                     describe(kImageManifest, "without a platform")};
  CHECK(must(Index::parse(index.print(), kImageIndex)) == index);
  CHECK(must(choose_platform(index, amd64)).digest == Digest::of("a"));
  CHECK(must(choose_platform(index, arm64)).digest == Digest::of("b"));

  SECTION("none is refused as a matter of the host, naming what there is") {
    const auto chosen =
        choose_platform(index, {.os = "linux", .architecture = "s390x", .variant = ""});
    CHECK(error_code(chosen) == Errc::kHost);
    CHECK_THAT(chosen.error().message(), Catch::Contains("linux/arm/v7"));
  }
  SECTION("two are refused as content") {
    index.manifests.push_back(entry("d", "amd64", ""));
    CHECK(error_code(choose_platform(index, amd64)) == Errc::kContent);
  }
  SECTION("a platform without a name is refused") {
    const std::string text = head(kImageIndex) + R"("manifests":[{"mediaType":"a/b","digest":")" +
                             kDigest +
                             R"(","size":1,"platform":{"os":"","architecture":"amd64"}}]})";
    CHECK(error_code(Index::parse(text, kImageIndex)) == Errc::kContent);
  }
}

TEST_CASE("an index with more than a thousand entries is refused", "[oci]") {
  std::string entries;
  for (int i = 0; i < 1001; ++i) {
    entries += (i == 0 ? "" : ",") + layer(kDigest);
  }
  const auto index =
      Index::parse(head(kImageIndex) + R"("manifests":[)" + entries + "]}", kImageIndex);
  CHECK(error_code(index) == Errc::kContent);
}
