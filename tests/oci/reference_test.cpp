#include "mosb/oci/reference.h"

#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

Reference ok_ref(const std::string& text) {
  INFO(text);
  const Reference ref = must(Reference::parse(text));
  CHECK(must(Reference::parse(ref.str())) == ref);
  return ref;
}

std::string refused(const std::string& text) {
  INFO(text);
  const auto ref = Reference::parse(text);
  CHECK(error_code(ref) == Errc::kUsage);
  return ref.error().message() + "\n" + ref.error().hint();
}

}  // namespace

TEST_CASE("a registry reference has a host, a repository and a tag or a digest", "[oci]") {
  const Reference ref = ok_ref("docker://example.org:5000/a/b_c/d--e.f:1.0");
  CHECK(ref.kind == Reference::Kind::kRegistry);
  CHECK(ref.host == "example.org:5000");
  CHECK(ref.repository == "a/b_c/d--e.f");
  CHECK(ref.tag == "1.0");
  CHECK(ref.name() == "example.org:5000/a/b_c/d--e.f");
  CHECK(ref.str() == "docker://example.org:5000/a/b_c/d--e.f:1.0");
  CHECK(ok_ref("example.org/app:1") == ok_ref("docker://example.org/app:1"));
  CHECK(ok_ref("localhost/app").tag == "latest");
  CHECK(ok_ref("localhost:5000/app@" + kDigest).digest->str() == kDigest);
  CHECK_FALSE(ok_ref("localhost:5000/app@" + kDigest).tag);
  CHECK(ok_ref("127.0.0.1:5000/app:1").host == "127.0.0.1:5000");
  CHECK(ok_ref("[::1]:5000/app:1").host == "[::1]:5000");
  CHECK(ref.pinned(Digest::of("x")).str() ==
        "docker://example.org:5000/a/b_c/d--e.f@" + Digest::of("x").str());
}

TEST_CASE("a name without a registry host is refused with the full name as hint", "[oci]") {
  CHECK_THAT(refused("nginx"), Catch::Contains("docker://docker.io/library/nginx:latest"));
  CHECK_THAT(refused("nginx:1.25"), Catch::Contains("docker://docker.io/library/nginx:1.25"));
  CHECK_THAT(refused("docker://team/app:2"), Catch::Contains("docker://docker.io/team/app:2"));
  CHECK_THAT(refused("team/app@" + kDigest),
             Catch::Contains("docker://docker.io/team/app@" + kDigest));
}

TEST_CASE("a malformed registry reference is refused", "[oci]") {
  for (const std::string& text : {std::string("docker://example.org"),
                                  std::string("docker://example.org/"),
                                  std::string("docker://example.org/App:1"),
                                  std::string("docker://example.org/a//b:1"),
                                  std::string("docker://example.org/../b:1"),
                                  std::string("docker://example.org/a..b:1"),
                                  std::string("docker://example.org/a___b:1"),
                                  std::string("docker://example.org/-a:1"),
                                  std::string("docker://example.org/a:"),
                                  std::string("docker://example.org/a:-1"),
                                  "docker://example.org/a:" + std::string(129, 'x'),
                                  "docker://example.org/" + std::string(250, 'x') + ":1",
                                  std::string("docker://example.org:0/a:1"),
                                  std::string("docker://example.org:65536/a:1"),
                                  std::string("docker://example.org:x/a:1"),
                                  std::string("docker://-example.org/a:1"),
                                  std::string("docker://example..org/a:1"),
                                  std::string("docker://[::1/a:1"),
                                  std::string("docker://[::x]:1/a:1"),
                                  std::string("docker://user@example.org/a:1"),
                                  std::string("docker://example.org/a%2fb:1"),
                                  std::string("docker://example.org/a:1\n"),
                                  std::string("docker://example.org/a@sha256:abc"),
                                  "docker://example.org/a@sha512:" + std::string(128, 'a'),
                                  std::string("docker://"),
                                  std::string()}) {
    refused(text);
  }
  CHECK_THAT(refused("example.org/a:1@" + kDigest), Catch::Contains("both a tag and a digest"));
}

TEST_CASE("a layout reference has a directory and maybe a tag or a digest", "[oci]") {
  const Reference ref = ok_ref("oci:/srv/images:web");
  CHECK(ref.kind == Reference::Kind::kLayout);
  CHECK(ref.path == "/srv/images");
  CHECK(ref.tag == "web");
  CHECK(ref.name().empty());
  CHECK_FALSE(ok_ref("oci:dir").tag);
  CHECK(ok_ref("oci:dir:localhost:5000/app:1").tag == "localhost:5000/app:1");
  CHECK(ok_ref("oci:/home/me@x/dir").path == "/home/me@x/dir");
  CHECK(ok_ref("oci:/home/me@x:web").tag == "web");
  CHECK(ok_ref("oci:dir@" + kDigest).digest->str() == kDigest);
  CHECK(ok_ref("oci-archive:/a/b.tar:1").kind == Reference::Kind::kArchive);
  CHECK(ok_ref("oci-archive:/a/b.tar:1").str() == "oci-archive:/a/b.tar:1");
  for (const std::string& text : {std::string("oci:"),
                                  std::string("oci::tag"),
                                  std::string("oci:dir:"),
                                  std::string("oci:dir:a b"),
                                  std::string("oci:dir:-a"),
                                  std::string("oci:di\nr:a"),
                                  std::string("oci:dir@sha256:abc"),
                                  "oci:dir@sha512:" + std::string(128, 'a'),
                                  "oci:dir:tag@" + kDigest,
                                  "oci:" + std::string(5000, 'x')}) {
    refused(text);
  }
}

TEST_CASE("a docker archive has a file and maybe a name that Docker would know", "[oci]") {
  const Reference ref = ok_ref("docker-archive:/a/b.tar:docker.io/library/web:1.4");
  CHECK(ref.kind == Reference::Kind::kDockerArchive);
  CHECK(ref.path == "/a/b.tar");
  CHECK(ref.tag == "docker.io/library/web:1.4");
  CHECK(ref.str() == "docker-archive:/a/b.tar:docker.io/library/web:1.4");
  CHECK_FALSE(ok_ref("docker-archive:b.tar").tag);
  CHECK(ok_ref("docker-archive:b.tar:localhost:5000/web").tag == "localhost:5000/web");
  refused("docker-archive:");
  refused("docker-archive:b.tar:");
  refused("docker-archive:b.tar:a b");
}

TEST_CASE("a bare digest names an image in the store", "[oci]") {
  const Reference ref = ok_ref(kDigest);
  CHECK(ref.kind == Reference::Kind::kStore);
  CHECK(ref.str() == kDigest);
  refused("sha256:abc");
  refused("sha256:" + std::string(64, 'A'));
}

TEST_CASE("places that mosb does not know are refused by name", "[oci]") {
  for (const char* text : {"dir:/tmp/x",
                           "docker-daemon:x:1",
                           "containers-storage:x",
                           "https://example.org/a:1",
                           "zot://example.org/a:1"}) {
    CHECK_THAT(refused(text), Catch::Contains("is not a place that mosb knows"));
  }
}
