// With the real tools: what they write is read here, and the other way round.

#include <cstdlib>
#include <iostream>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/archive.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/pull.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

Completed run(const std::vector<std::string>& argv) {
  return must(RealProcessRunner().run(
      {.argv = argv, .env = {"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/root"}}));
}

std::string out_of(const std::vector<std::string>& argv) {
  const Completed done = run(argv);
  INFO(join(argv, " ") << "\n" << done.out << done.err);
  REQUIRE(done.status == 0);
  return done.out;
}

/// The tools of the distribution must be there; oras comes with the notation that the tests fetch,
/// in the folder that MOSB_NOTATION names.
std::string oras_program() {
  const char* const folder = std::getenv("MOSB_NOTATION");
  return folder == nullptr || *folder == '\0' ? "oras" : std::string(folder) + "/oras";
}

bool have(const std::string& tool) {
  const auto found = RealProcessRunner().run(
      {.argv = {tool, "version"}, .env = {"PATH=/usr/local/bin:/usr/bin:/bin"}});
  if (!found) {
    std::cout << "SKIP interoperability with " << tool << ": it is not installed\n";
  }
  return found.has_value();
}

Reference layout_ref(const std::string& text) {
  return must(Reference::parse("oci:" + text));
}

struct Fixture {
  TempDir dir = temp_dir();
  std::string ours = dir.path() + "/ours";
  std::string theirs = dir.path() + "/theirs";
  std::string temp = dir.path() + "/temp";
  Fixture() { must(sys::mkdir(temp, 0700)); }
};

/// A layer that is a real tar file, since skopeo and umoci look into layers.
struct TarImage {
  std::string layer;
  TestImage image;
};

TarImage tar_image(const std::string& dir) {
  must(sys::mkdir_all(dir + "/rootfs/etc", 0755));
  spit(dir + "/rootfs/etc/motd", "hello\n");
  out_of({"tar", "-cf", dir + "/layer.tar", "-C", dir + "/rootfs", "."});
  TarImage made{.layer = slurp(dir + "/layer.tar"), .image = make_image({})};
  ImageConfig config = made.image.config;
  config.env = {"PATH=/bin", "TEXT=one\ntwo"};
  config.entrypoint = {"/bin/sh", "-c"};
  config.working_dir = "/etc";
  config.diff_ids = {Digest::of(made.layer)};
  Manifest manifest{.config = describe(kImageConfig, config.print()),
                    .layers = {describe("application/vnd.oci.image.layer.v1.tar", made.layer)}};
  made.image = {.descriptor = describe(kImageManifest, manifest.print()),
                .manifest = manifest,
                .config = config,
                .bytes = manifest.print()};
  return made;
}

ImageConfig config_of(Repository& from, const Descriptor& image) {
  const Manifest manifest =
      must(Manifest::parse(must(from.read_manifest(image)), image.media_type));
  return must(ImageConfig::parse(must(from.read_blob(manifest.config, kMaxConfigSize))));
}

}  // namespace

TEST_CASE("skopeo copies our layout without changing a byte, and we read its copy", "[oci]") {
  Fixture f;
  const TarImage made = tar_image(f.dir.path());
  Layout layout = must(Layout::open_or_create(f.ours));
  push_image(layout, made.image, {made.layer}, "app:1");
  const std::string digest = made.image.descriptor.digest.str();
  CHECK_THAT(out_of({"skopeo", "inspect", "oci:" + f.ours + ":app:1"}), Catch::Contains(digest));
  out_of({"skopeo",
          "--insecure-policy",
          "copy",
          "--preserve-digests",
          "oci:" + f.ours + ":app:1",
          "oci:" + f.theirs + ":copy"});
  Layout copy = must(Layout::open(f.theirs));
  const Descriptor found = must(copy.resolve(layout_ref(f.theirs + ":copy")));
  CHECK(found == made.image.descriptor);
  CHECK(must(copy.read_manifest(found)) == made.image.bytes);
  CHECK(config_of(copy, found) == made.image.config);

  // And back into ours, under a new tag beside the old one.
  out_of({"skopeo",
          "--insecure-policy",
          "copy",
          "--preserve-digests",
          "oci:" + f.theirs + ":copy",
          "oci:" + f.ours + ":again"});
  CHECK(must(layout.resolve(layout_ref(f.ours + ":again"))) == made.image.descriptor);
}

TEST_CASE("skopeo keeps squashfs layers with their annotations", "[oci]") {
  Fixture f;
  Layout layout = must(Layout::open_or_create(f.ours));
  const TestImage image = make_image({"one", "two"});
  push_image(layout, image, {"one", "two"}, "web");
  out_of({"skopeo",
          "--insecure-policy",
          "copy",
          "--preserve-digests",
          "oci:" + f.ours + ":web",
          "oci:" + f.theirs + ":web"});
  Layout copy = must(Layout::open(f.theirs));
  CHECK(must(copy.resolve(layout_ref(f.theirs))) == image.descriptor);
  CHECK(must(copy.read_blob(image.manifest.layers[1], ByteCount{10})) == "two");
}

TEST_CASE("archives go to skopeo and come from it", "[oci]") {
  Fixture f;
  const TarImage made = tar_image(f.dir.path());
  Archive archive = must(Archive::create(f.temp));
  push_image(archive, made.image, {made.layer}, "web");
  must(archive.save(f.dir.path() + "/ours.tar"));
  out_of({"skopeo",
          "--insecure-policy",
          "copy",
          "--preserve-digests",
          "oci-archive:" + f.dir.path() + "/ours.tar:web",
          "oci-archive:" + f.dir.path() + "/theirs.tar:web"});
  Archive copy = must(Archive::open(f.dir.path() + "/theirs.tar", f.temp));
  const Reference ref = must(Reference::parse("oci-archive:x:web"));
  CHECK(must(copy.resolve(ref)) == made.image.descriptor);
  CHECK(must(copy.read_blob(made.image.manifest.layers[0], ByteCount{kMiB})) == made.layer);
}

TEST_CASE("umoci unpacks what we wrote", "[oci]") {
  Fixture f;
  const TarImage made = tar_image(f.dir.path());
  Layout layout = must(Layout::open_or_create(f.ours));
  push_image(layout, made.image, {made.layer}, "web");
  CHECK_THAT(out_of({"umoci", "list", "--layout", f.ours}), Catch::Contains("web"));
  out_of({"umoci", "raw", "unpack", "--image", f.ours + ":web", f.dir.path() + "/bundle"});
  CHECK(slurp(f.dir.path() + "/bundle/etc/motd") == "hello\n");
}

TEST_CASE("an image that umoci made is read, and umoci's changes to ours too", "[oci]") {
  Fixture f;
  SECTION("made by umoci") {
    out_of({"umoci", "init", "--layout", f.theirs});
    out_of({"umoci", "new", "--image", f.theirs + ":web"});
  }
  SECTION("made here") {
    Layout layout = must(Layout::open_or_create(f.theirs));
    const TarImage made = tar_image(f.dir.path());
    push_image(layout, made.image, {made.layer}, "web");
  }
  out_of({"umoci",
          "config",
          "--image",
          f.theirs + ":web",
          "--config.cmd",
          "/bin/true",
          "--config.user",
          "1000:1000",
          "--config.env",
          "A=b",
          "--config.workingdir",
          "/srv",
          "--config.exposedports",
          "80/tcp",
          "--config.volume",
          "/data",
          "--config.stopsignal",
          "SIGINT",
          "--config.label",
          "a.b=c"});
  spit(f.dir.path() + "/file", "inserted\n");
  out_of({"umoci", "insert", "--image", f.theirs + ":web", f.dir.path() + "/file", "/file"});
  Layout layout = must(Layout::open(f.theirs));
  const Descriptor found = must(layout.resolve(layout_ref(f.theirs + ":web")));
  const ImageConfig config = config_of(layout, found);
  CHECK(config.cmd == std::vector<std::string>{"/bin/true"});
  CHECK(config.user == "1000:1000");
  CHECK(config.env.back() == "A=b");
  CHECK(config.working_dir == "/srv");
  CHECK(config.exposed_ports == std::vector<std::string>{"80/tcp"});
  CHECK(config.volumes == std::vector<std::string>{"/data"});
  CHECK(config.stop_signal == "SIGINT");
  CHECK(config.labels == std::map<std::string, std::string>{{"a.b", "c"}});
  const Manifest manifest =
      must(Manifest::parse(must(layout.read_manifest(found)), found.media_type));
  CHECK(require_image(manifest));
  CHECK(require_config_of(config, manifest, found));
  // umoci's garbage collection leaves what our index lists.
  out_of({"umoci", "gc", "--layout", f.theirs});
  CHECK(layout.read_manifest(found));
}

TEST_CASE("the store is a layout that other tools read", "[oci]") {
  Fixture f;
  const TarImage made = tar_image(f.dir.path());
  Layout source = must(Layout::open_or_create(f.ours));
  push_image(source, made.image, {made.layer}, "web");
  Store store = must(Store::open_or_create(f.theirs));
  const PullRequest request{.ref = layout_ref(f.ours + ":web"), .scope = "local/mosb"};
  const PulledMetadata pulled = must(pull_metadata(source, request, store));
  must(pull_layers(source, plan_pull(pulled.parsed, store), store));
  must(store.record(pulled.record(request)));
  CHECK_THAT(out_of({"umoci", "list", "--layout", f.theirs}), Catch::Contains("ours:web"));
  const std::string tag = request.ref.str().substr(std::string("oci:/").size());
  CHECK_THAT(out_of({"skopeo", "inspect", "oci:" + f.theirs + ":" + tag}),
             Catch::Contains(made.image.descriptor.digest.str()));
}

TEST_CASE("oras attaches to our layout and we find it; oras finds what we attach", "[oci]") {
  const std::string oras = oras_program();
  if (!have(oras)) {
    return;
  }
  Fixture f;
  Layout layout = must(Layout::open_or_create(f.ours));
  const TestImage image = make_image({"one"});
  push_image(layout, image, {"one"}, "web");
  spit(f.dir.path() + "/sbom.json", "{}");
  out_of({oras,
          "attach",
          "--oci-layout",
          f.ours + ":web",
          "--disable-path-validation",
          "--artifact-type",
          "application/spdx+json",
          f.dir.path() + "/sbom.json:application/json"});
  CHECK(must(layout.referrers(image.descriptor, "application/spdx+json")).size() == 1);
  const Descriptor signature = push_signature(layout, image.descriptor, "envelope");
  CHECK_THAT(out_of({oras, "discover", "--oci-layout", f.ours + ":web"}),
             Catch::Contains(signature.digest.str()));
}
