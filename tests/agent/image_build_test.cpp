#include "mosb/agent/image_build.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/agent/image_inspect.h"
#include "mosb/agent/image_verify.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/base/temp_dir.h"
#include "mosb/oci/layout.h"
#include "mosb/oci/media_types.h"
#include "mosb/oci/root_hash.h"
#include "mosb/trust/keyset.h"
#include "mosb/trust/sign.h"
#include "mosb/trust/signing_key.h"
#include "verity/hash_tree.h"
#include "verity/root_hash.h"

using namespace mosb;         // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::agent;  // NOLINT(google-build-using-namespace): the part under test
using Catch::Matchers::Contains;

namespace {

/// A directory of its own with a small root file system, and everything a build needs.
class Bench {
 public:
  Bench() {
    write("root/bin/true", "#!/bin/sh\n", 0755);
    write("root/etc/passwd", "root:x:0:0::/:/bin/true\nweb:x:1000:1000::/:/bin/true\n", 0644);
    write("root/srv/big", std::string(300'000, 'b') + std::string(100'000, 'c'), 0600);
    REQUIRE(::symlink("bin/true", path("root/link").c_str()) == 0);
    REQUIRE(::link(path("root/bin/true").c_str(), path("root/bin/hard").c_str()) == 0);
    REQUIRE(::chmod(path("root").c_str(), 0755) == 0);
  }

  std::string path(const std::string& name) const { return dir_.path() + "/" + name; }

  void write(const std::string& name, const std::string& bytes, mode_t mode) {
    const std::string file = path(name);
    REQUIRE(sys::mkdir_all(file.substr(0, file.rfind('/')), 0755));
    REQUIRE(write_file_atomic(file, bytes, mode));
  }

  oci::Layout layout(const std::string& name) {
    auto layout = oci::Layout::open_or_create(path(name));
    REQUIRE(layout);
    return *std::move(layout);
  }

  BuildRequest request(const std::string& rootfs, const std::string& tag) {
    auto ref = oci::Reference::parse("oci:" + path("images") + ":" + tag);
    REQUIRE(ref);
    BuildRequest request{path(rootfs), *ref};
    request.cmd = {"/bin/true"};
    return request;
  }

  Result<oci::Descriptor> build(const BuildRequest& request) {
    oci::Layout to = layout("images");
    return build_image(request, to, processes_, dir_.path());
  }

  Completed run(std::vector<std::string> argv) {
    auto done = processes_.run(
        Command{std::move(argv), {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"}});
    REQUIRE(done);
    INFO(done->err);
    REQUIRE(done->status == 0);
    return *done;
  }

  ProcessRunner& processes() { return processes_; }
  const std::string& dir() const { return dir_.path(); }

 private:
  static TempDir make() {
    auto dir = TempDir::make("/tmp", "mosb-test-");
    REQUIRE(dir);
    return *std::move(dir);
  }
  TempDir dir_ = make();
  RealProcessRunner processes_;
};

InspectedImage inspect(Bench& bench, const oci::Reference& ref) {
  oci::Layout layout = bench.layout("images");
  auto image = inspect_image(layout, ref);
  if (!image) {
    INFO(image.error().message());
    REQUIRE(image);
  }
  return *std::move(image);
}

bool has_program(const std::string& name) {
  for (const std::string dir : {"/usr/local/bin/", "/usr/bin/", "/usr/sbin/"}) {
    if (path_exists(dir + name)) {
      return true;
    }
  }
  std::cout << "SKIP an image is read by other tools: " << name << " is not installed\n";
  return false;
}

}  // namespace

TEST_CASE("a directory becomes an image with a verified layer and the settings asked for",
          "[image]") {
  Bench bench;
  BuildRequest request = bench.request("root", "a");
  request.entrypoint = {"/bin/sh", "-c"};
  request.cmd = {"one\ntwo"};
  request.env = {"A=1", "PEM=x\ny", "A=2"};
  request.user = "web";
  request.working_dir = "/srv";
  request.labels = {{"k", "v"}};
  const auto built = bench.build(request);
  REQUIRE(built);
  const InspectedImage image = inspect(bench, request.tag);
  CHECK(image.descriptor == *built);
  CHECK(image.config.entrypoint == request.entrypoint);
  CHECK(image.config.cmd == request.cmd);
  CHECK(image.config.env == std::vector<std::string>{"A=2", "PEM=x\ny"});
  CHECK(image.config.user == "web");
  CHECK(image.config.working_dir == "/srv");
  CHECK(image.config.labels == request.labels);
  CHECK(image.config.platform == oci::Platform::host());
  REQUIRE(image.manifest.layers.size() == 1);
  const oci::Descriptor& layer = image.manifest.layers[0];
  CHECK(layer.media_type == "application/vnd.stacker.image.layer.squashfs+zstd");
  CHECK(layer.annotations.at(oci::kRootHash) == layer.annotations.at(oci::kRootHashOld));
  CHECK(image.config.diff_ids == std::vector<Digest>{layer.digest});
  const std::string blob = bench.layout("images").blob_path(layer.digest);
  const auto root_hash = verity::RootHash::parse(layer.annotations.at(oci::kRootHash));
  REQUIRE(root_hash);
  CHECK(verity::verify_layer_file(verity::LayerSource{
      blob, ByteCount{layer.size}, *root_hash, layer.digest, Filesystem::kSquashfs}));
  const std::string listing = bench.run({"unsquashfs", "-lln", "-d", "", blob}).out;
  CHECK_THAT(listing, Contains("-rw------- 0/0"));
  CHECK_THAT(listing, Contains("/link -> bin/true"));
}

TEST_CASE("the same input gives the same image bit for bit, whatever its times and place",
          "[image]") {
  Bench bench;
  const auto first = bench.build(bench.request("root", "a"));
  REQUIRE(first);
  bench.run({"cp", "-a", bench.path("root"), bench.path("copy")});
  bench.run({"touch", "-d", "2001-02-03", bench.path("copy/etc/passwd"), bench.path("copy")});
  const auto second = bench.build(bench.request("copy", "b"));
  REQUIRE(second);
  CHECK(first->digest == second->digest);
  BuildRequest later = bench.request("root", "c");
  later.timestamp = 1'000'000'000;
  const auto third = bench.build(later);
  REQUIRE(third);
  CHECK(third->digest != first->digest);
}

TEST_CASE("a tar becomes the same files with their owners, modes, links and attributes",
          "[image]") {
  Bench bench;
  bench.run({"python3",
             "-c",
             R"(
import io, sys, tarfile
t = tarfile.open(sys.argv[1], 'w:gz', format=tarfile.PAX_FORMAT)
def entry(name, kind=tarfile.REGTYPE, data=b'', mode=0o644, link='', root=False, **pax):
    i = tarfile.TarInfo(name)
    i.type, i.size, i.mode, i.uid, i.gid, i.linkname = kind, len(data), mode, 1234, 5678, link
    i.uname = i.gname = 'root'
    i.mtime = 12345
    i.pax_headers = pax
    if root: i.uid = i.gid = 0
    t.addfile(i, io.BytesIO(data))
entry('./', tarfile.DIRTYPE, mode=0o751, root=True)
entry('./etc/', tarfile.DIRTYPE, mode=0o755)
entry('/etc/motd', data=b'hello')
entry('no/parent/file', data=b'x' * 200000)
entry('hard', tarfile.LNKTYPE, link='./etc/motd')
entry('soft', tarfile.SYMTYPE, link='../../etc/motd', mode=0o777)
entry('suid', data=b's', mode=0o4755, **{'SCHILY.xattr.user.colour': 'blue'})
t.close()
)",
             bench.path("root.tar.gz")});
  const auto built = bench.build(bench.request("root.tar.gz", "a"));
  if (!built) {
    INFO(built.error().message());
    REQUIRE(built);
  }
  const InspectedImage image = inspect(bench, bench.request("", "a").tag);
  const std::string blob = bench.layout("images").blob_path(image.manifest.layers[0].digest);
  const std::string listing = bench.run({"unsquashfs", "-lln", "-d", "R", blob}).out;
  CAPTURE(listing);
  CHECK_THAT(listing, Contains("drwxr-x--x 0/0"));
  CHECK_THAT(listing,
             Contains("-rw-r--r-- 1234/5678                 5 1970-01-01 00:00 R/etc/motd"));
  CHECK_THAT(listing, Contains("drwxr-xr-x 0/0"));
  CHECK_THAT(listing, Contains("200000 1970-01-01 00:00 R/no/parent/file"));
  CHECK_THAT(listing, Contains("R/soft -> ../../etc/motd"));
  CHECK_THAT(listing, Contains("-rwsr-xr-x 1234/5678"));
  CHECK_THAT(listing, Contains("5 1970-01-01 00:00 R/hard"));
  const auto again = bench.build(bench.request("root.tar.gz", "b"));
  REQUIRE(again);
  CHECK(again->digest == built->digest);
}

TEST_CASE("a tar that leaves its root, repeats itself or ends early is refused", "[image]") {
  Bench bench;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"add('a/../../x')", "leaves the root"},
      {"add('..')", "leaves the root"},
      {"add('x', tarfile.LNKTYPE, '../../etc/shadow')", "leaves the root"},
      {"add('x', tarfile.LNKTYPE, 'missing')", "does not come before the link"},
      {"add('x'); add('./x')", "stands twice"},
      {"pass", "no files"},
      {"add('.', tarfile.DIRTYPE, '', 7); add('x')", "belongs to 7:0"},
  };
  for (const auto& [lines, expected] : cases) {
    CAPTURE(lines);
    bench.run({"python3",
               "-c",
               "import sys, tarfile\n"
               "t = tarfile.open(sys.argv[1], 'w')\n"
               "def add(name, kind=tarfile.REGTYPE, link='', uid=0):\n"
               "    i = tarfile.TarInfo(name); i.type = kind; i.linkname = link; i.uid = uid; "
               "t.addfile(i)\n" +
                   lines + "\nt.close()\n",
               bench.path("bad.tar")});
    const auto built = bench.build(bench.request("bad.tar", "a"));
    REQUIRE_FALSE(built);
    CHECK(built.error().code() == Errc::kContent);
    CHECK_THAT(built.error().message(), Contains(expected));
  }
  bench.write("text", "this is no tar\n", 0644);
  const auto text = bench.build(bench.request("text", "a"));
  REQUIRE_FALSE(text);
  CHECK(text.error().code() == Errc::kContent);
  bench.run({"tar", "-C", bench.path("root"), "-cf", bench.path("cut.tar"), "."});
  bench.run({"truncate", "-s", "100000", bench.path("cut.tar")});
  const auto cut = bench.build(bench.request("cut.tar", "a"));
  REQUIRE_FALSE(cut);
  CHECK(cut.error().code() == Errc::kContent);
}

TEST_CASE("a failed build leaves no tag and no temporary files", "[image]") {
  Bench bench;
  REQUIRE_FALSE(bench.build(bench.request("missing", "a")));
  oci::Layout layout = bench.layout("images");
  CHECK(layout.index()->manifests.empty());
  CHECK(bench.run({"find", bench.dir(), "-name", ".mosb-tmp-*"}).out.empty());
  REQUIRE(bench.build(bench.request("root", "a")));
  CHECK(bench.run({"find", bench.dir(), "-name", ".mosb-tmp-*"}).out.empty());
}

TEST_CASE("impossible requests are refused with the reason", "[image]") {
  Bench bench;
  const auto refused = [&](const BuildRequest& request) {
    const auto built = bench.build(request);
    REQUIRE_FALSE(built);
    CHECK(built.error().code() == Errc::kUsage);
    return built.error().message();
  };
  CHECK_THAT(refused(bench.request("missing", "a")), Contains("missing"));
  BuildRequest env = bench.request("root", "a");
  env.env = {"NOVALUE"};
  CHECK_THAT(refused(env), Contains("NAME=value"));
  BuildRequest dir = bench.request("root", "a");
  dir.working_dir = "relative";
  CHECK_THAT(refused(dir), Contains("relative"));
  BuildRequest pinned = bench.request("root", "a");
  pinned.tag = pinned.tag.pinned(Digest::of("x"));
  CHECK_THAT(refused(pinned), Contains("digest"));
  for (const auto& [filesystem, compression] :
       std::vector<std::pair<std::string, std::string>>{{"squashfs", "lzma"},
                                                        {"squashfs", "lz4hc"},
                                                        {"erofs", "zstd"},
                                                        {"erofs", "xz"},
                                                        {"ext4", ""},
                                                        {"", ""}}) {
    INFO(filesystem << " " << compression);
    const auto format = parse_layer_format(filesystem, compression);
    REQUIRE_FALSE(format);
    CHECK(format.error().code() == Errc::kUsage);
  }
}

TEST_CASE("an erofs layer is the same bit for bit, from a directory, its copy and its tar",
          "[image]") {
  Bench bench;
  const auto layer_of = [&](const std::string& rootfs, const std::string& compression) {
    BuildRequest request = bench.request(rootfs, "a");
    const auto format = parse_layer_format("erofs", compression);
    REQUIRE(format);
    request.format = *format;
    const auto built = bench.build(request);
    INFO((built ? "" : built.error().message()));
    REQUIRE(built);
    return inspect(bench, request.tag).manifest.layers.at(0);
  };
  const oci::Descriptor layer = layer_of("root", "");
  CHECK(layer.media_type == "application/vnd.stacker.image.layer.erofs+lz4hc");
  const auto root_hash = verity::RootHash::parse(layer.annotations.at(oci::kRootHash));
  REQUIRE(root_hash);
  verity::LayerSource source{bench.layout("images").blob_path(layer.digest),
                             ByteCount{layer.size},
                             *root_hash,
                             layer.digest,
                             Filesystem::kErofs};
  CHECK(verity::verify_layer_file(source));
  source.filesystem = Filesystem::kSquashfs;
  CHECK_FALSE(verity::verify_layer_file(source));
  bench.run({"cp", "-a", bench.path("root"), bench.path("copy")});
  bench.run({"find", bench.path("copy"), "-exec", "touch", "-h", "-d", "@1000000000", "{}", "+"});
  CHECK(layer_of("copy", "").digest == layer.digest);
  // As root made it, and in another order.
  bench.run({"tar", "-C", bench.path("root"), "--sort=name", "-cf", bench.path("tar"), "."});
  CHECK(layer_of("tar", "").digest == layer.digest);
  bench.run(
      {"tar", "-C", bench.path("root"), "-czf", bench.path("tar.gz"), "srv", "link", "etc", "bin"});
  CHECK(layer_of("tar.gz", "").digest == layer.digest);
  CHECK(layer_of("root", "lz4").media_type == "application/vnd.stacker.image.layer.erofs+lz4");
  CHECK(bench.run({"find", bench.dir(), "-name", ".mosb-tmp-*", "-o", "-name", "tree-*"})
            .out.empty());
}

TEST_CASE("a host without the tool for a layer's file system is told what to install", "[image]") {
  class NoPrograms final : public ProcessRunner {
   public:
    Result<Completed> run(const Command& command) override {
      return Error(Errc::kNotFound, command.argv[0] + " is not installed");
    }
  };
  Bench bench;
  NoPrograms none;
  for (const auto& [filesystem, package] : std::vector<std::pair<std::string, std::string>>{
           {"squashfs", "squashfs-tools"}, {"erofs", "erofs-utils"}}) {
    BuildRequest request = bench.request("root", "a");
    request.format = *parse_layer_format(filesystem, "");
    oci::Layout to = bench.layout("images");
    const auto built = build_image(request, to, none, bench.dir());
    REQUIRE_FALSE(built);
    CHECK(built.error().code() == Errc::kHost);
    CHECK_THAT(built.error().hint(), Contains(package));
  }
}

TEST_CASE("an image built on a base has the base's layers below its own", "[image]") {
  Bench bench;
  BuildRequest base = bench.request("root", "base");
  base.entrypoint = {"/bin/true"};
  base.env = {"A=1", "B=1"};
  base.user = "web";
  REQUIRE(bench.build(base));
  bench.write("top/etc/extra", "x", 0644);
  REQUIRE(::chmod(bench.path("top").c_str(), 0755) == 0);
  oci::Layout from = bench.layout("images");
  BuildRequest request = bench.request("top", "derived");
  request.base.emplace(BaseImage{from, base.tag});
  request.cmd = {};
  request.env = {"B=2"};
  request.format.compression = Compression::kGzip;
  REQUIRE(bench.build(request));
  const InspectedImage below = inspect(bench, base.tag);
  const InspectedImage image = inspect(bench, request.tag);
  REQUIRE(image.manifest.layers.size() == 2);
  CHECK(image.manifest.layers[0] == below.manifest.layers[0]);
  CHECK(image.manifest.layers[1].media_type == std::string(oci::kSquashfsLayer) + "+gzip");
  CHECK(image.config.diff_ids.size() == 2);
  CHECK(image.config.entrypoint == base.entrypoint);
  CHECK(image.config.cmd == base.cmd);
  CHECK(image.config.env == std::vector<std::string>{"A=1", "B=2"});
  CHECK(image.config.user == "web");

  oci::Layout elsewhere = bench.layout("elsewhere");
  auto built = build_image(request, elsewhere, bench.processes(), bench.dir());
  REQUIRE(built);
  CHECK(elsewhere.has_blob(image.manifest.layers[0]));

  BuildRequest entrypoint = bench.request("top", "other");
  entrypoint.base.emplace(BaseImage{from, base.tag});
  entrypoint.cmd = {};
  entrypoint.entrypoint = {"/etc/extra"};
  REQUIRE(bench.build(entrypoint));
  CHECK(inspect(bench, entrypoint.tag).config.cmd.empty());
}

TEST_CASE("without verity there is no root hash to mount by", "[image]") {
  Bench bench;
  BuildRequest request = bench.request("root", "a");
  request.verity = false;
  REQUIRE(bench.build(request));
  const InspectedImage image = inspect(bench, request.tag);
  CHECK(image.manifest.layers[0].annotations.empty());
  const auto hash = oci::root_hash_annotation(image.manifest.layers[0]);
  REQUIRE_FALSE(hash);
  CHECK(hash.error().code() == Errc::kVerity);
}

TEST_CASE("verifying an image judges its signature and reads every block of every layer",
          "[image]") {
  Bench bench;
  const RealClock clock;
  BuildRequest request = bench.request("root", "a");
  const auto built = bench.build(request);
  REQUIRE(built);
  const auto keys = trust::create_keyset(bench.path("keys"), {"Tester"}, clock);
  REQUIRE(keys);
  oci::Layout layout = bench.layout("images");
  const VerifyImageRequest verify{
      request.tag, "local/mosb", TrustContext{keys->notation_dir, clock}, bench.dir()};

  const auto unsigned_image = verify_image(layout, verify);
  REQUIRE_FALSE(unsigned_image);
  CHECK(unsigned_image.error().code() == Errc::kSignature);

  auto key = trust::load_signing_key(keys->signing_key, keys->signing_chain);
  REQUIRE(key);
  const bool is_signed =
      trust::sign(layout, {*built, *std::move(key), std::nullopt, {}}, clock).has_value();
  REQUIRE(is_signed);
  const auto good = verify_image(layout, verify);
  if (!good) {
    INFO(good.error().message());
    REQUIRE(good);
  }
  CHECK(good->report.outcome == trust::Outcome::kVerified);
  REQUIRE(good->layers.size() == 1);

  const std::string blob = layout.blob_path(good->layers[0].descriptor.digest);
  REQUIRE(::chmod(blob.c_str(), 0644) == 0);
  std::fstream file(blob, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(200);
  const int old = file.get();
  file.seekp(200);
  file.put(static_cast<char>(old ^ 1));
  file.close();
  const auto flipped = verify_image(layout, verify);
  REQUIRE_FALSE(flipped);
  CHECK(flipped.error().code() == Errc::kVerity);
  CHECK_THAT(flipped.error().message(), Contains("block 0"));
}

TEST_CASE("other tools read what is built", "[image]") {
  Bench bench;
  BuildRequest request = bench.request("root", "a");
  request.labels = {{"k", "v"}};
  const auto built = bench.build(request);
  REQUIRE(built);
  const std::string image = bench.path("images") + ":a";
  if (has_program("skopeo")) {
    const auto seen =
        json::parse(bench.run({"skopeo", "inspect", "oci:" + image}).out, ByteCount{1 * kMiB});
    REQUIRE(seen);
    CHECK((*seen)["Digest"] == built->digest.str());
    CHECK((*seen)["Labels"]["k"] == "v");
    CHECK((*seen)["Layers"].size() == 1);
    bench.run({"skopeo", "copy", "oci:" + image, "oci:" + bench.path("copied") + ":b"});
    oci::Layout copied = bench.layout("copied");
    CHECK(copied.resolve(*oci::Reference::parse("oci:" + bench.path("copied") + ":b"))->digest ==
          built->digest);
  }
  if (has_program("umoci")) {
    CHECK_THAT(bench.run({"umoci", "list", "--layout", bench.path("images")}).out, Contains("a"));
    CHECK_THAT(bench.run({"umoci", "stat", "--image", image, "--json"}).out, Contains("history"));
  }
}
