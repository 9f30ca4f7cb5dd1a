#include "mosb/oci/docker_archive.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include <unistd.h>

#include "mosb/base/process.h"
#include "test_image.h"

using namespace mosb;
using namespace mosb::oci;
using namespace mosb::oci::test;

namespace {

constexpr std::size_t kBlock = 512;

/// An entry of a tar as it shall stand there, sound or not. Spec: POSIX ustar interchange format.
struct Entry {
  std::string path;
  std::string data = {};
  char type = '0';
  std::string link = {};
};

void put_octal(std::string& header, std::size_t at, std::size_t digits, std::uint64_t value) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(),
                      text.size(),
                      "%0*llo",
                      static_cast<int>(digits),
                      static_cast<unsigned long long>(value));
  header.replace(at, digits, text.data(), digits);
}

std::string tar_entry(const Entry& entry) {
  std::string header(kBlock, '\0');
  header.replace(0, entry.path.size(), entry.path);
  put_octal(header, 100, 7, 0644);
  put_octal(header, 124, 11, entry.data.size());
  header[156] = entry.type;
  header.replace(157, entry.link.size(), entry.link);
  header.replace(257, 5, "ustar");
  header.replace(263, 2, "00");
  header.replace(148, 8, std::string(8, ' '));
  put_octal(header,
            148,
            6,
            std::accumulate(header.begin(), header.end(), 0ULL, [](std::uint64_t sum, char c) {
              return sum + static_cast<unsigned char>(c);
            }));
  header[154] = '\0';
  const std::size_t padding = (kBlock - entry.data.size() % kBlock) % kBlock;
  return header + entry.data + std::string(padding, '\0');
}

/// An archive of one image with two layers, as old versions of docker write them; the second one is
/// a symlink to where it lies.
struct Fixture {
  TempDir dir = temp_dir();
  std::string file = dir.path() + "/image.tar";
  std::vector<std::string> layers = {"one", std::string(300'000, 'x')};
  std::string config = config_of(layers);
  std::string config_name = Digest::of(config).hex() + ".json";
  std::string manifest = manifest_of(config_name, {"1/layer.tar", "2/layer.tar"});
  std::vector<Entry> entries = {{"1/", "", '5'},
                                {"1/layer.tar", layers[0]},
                                {"2/layer.tar", "", '2', "../other/layer.tar"},
                                {"other/layer.tar", layers[1]},
                                {config_name, config},
                                {"manifest.json", manifest}};

  static std::string config_of(const std::vector<std::string>& plain_layers) {
    ImageConfig config{.platform = Platform::host()};
    for (const std::string& layer : plain_layers) {
      config.diff_ids.push_back(Digest::of(layer));
    }
    return config.print();
  }
  static std::string manifest_of(const std::string& config,
                                 const std::vector<std::string>& paths,
                                 const std::string& name = "web:1") {
    return Json::array({{{"Config", config}, {"RepoTags", {name}}, {"Layers", paths}}}).dump();
  }
  Entry& entry(const std::string& path) {
    return *std::find_if(
        entries.begin(), entries.end(), [&](const Entry& e) { return e.path == path; });
  }
  void write() const {
    std::string bytes;
    for (const Entry& e : entries) {
      bytes += tar_entry(e);
    }
    spit(file, bytes + std::string(2 * kBlock, '\0'));
  }
  static Reference named(std::optional<std::string> name) {
    return {.kind = Reference::Kind::kDockerArchive, .path = "x", .tag = std::move(name)};
  }
  /// Why no image can be had from it.
  std::string refused() const {
    write();
    auto archive = DockerArchive::open(file, dir.path());
    if (!archive) {
      CHECK(archive.error().code() == Errc::kContent);
      return archive.error().message();
    }
    const auto resolved = archive->resolve(named(std::nullopt));
    REQUIRE(error_code(resolved) == Errc::kContent);
    return resolved.error().message();
  }
};

std::string compressed(const std::string& program,
                       const std::string& bytes,
                       const std::string& dir) {
  const std::string plain = dir + "/plain";
  spit(plain, bytes);
  const Completed done = must(
      RealProcessRunner().run({.argv = {program, "-c", plain}, .env = {"PATH=/usr/bin:/bin"}}));
  REQUIRE(done.status == 0);
  return done.out;
}
std::string gzipped(const std::string& bytes, const std::string& dir) {
  return compressed("gzip", bytes, dir);
}

}  // namespace

TEST_CASE("an image of a docker archive has its configuration and layers", "[oci]") {
  Fixture f;
  f.write();
  DockerArchive archive = must(DockerArchive::open(f.file, f.dir.path()));
  const Descriptor descriptor = must(archive.resolve(Fixture::named("docker.io/library/web:1")));
  CHECK(descriptor == must(archive.resolve(Fixture::named(std::nullopt))));
  const Manifest manifest =
      must(Manifest::parse(must(archive.read_manifest(descriptor)), descriptor.media_type));
  CHECK(manifest.config == describe(kImageConfig, f.config));
  CHECK(must(archive.read_blob(manifest.config, ByteCount{kMiB})) == f.config);
  REQUIRE(manifest.layers.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(manifest.layers[i] == describe(kTarLayer, f.layers[i]));
    CHECK(must(archive.read_blob(manifest.layers[i], ByteCount{kMiB})) == f.layers[i]);
  }
  std::string end;
  must(archive.stream_blob(manifest.layers[0], 1, [&](std::span<const std::byte> part) {
    end.append(reinterpret_cast<const char*>(part.data()), part.size());
    return ok();
  }));
  CHECK(end == "ne");
  // By its digest, too, in an archive that was opened anew, over a symlink.
  const std::string link = f.dir.path() + "/link.tar";
  REQUIRE(::symlink("image.tar", link.c_str()) == 0);
  DockerArchive again = must(DockerArchive::open(link, f.dir.path()));
  CHECK(must(again.resolve(Fixture::named("web:1").pinned(descriptor.digest))) == descriptor);
  CHECK(must(archive.referrers(descriptor, "")).empty());
}

TEST_CASE("a compressed layer is one, whatever its name says", "[oci]") {
  Fixture f;
  const std::string packed = gzipped(f.layers[0], f.dir.path());
  f.entry("1/layer.tar").data = packed;
  f.write();
  DockerArchive archive = must(DockerArchive::open(f.file, f.dir.path()));
  const Descriptor descriptor = must(archive.resolve(Fixture::named(std::nullopt)));
  const Manifest manifest =
      must(Manifest::parse(must(archive.read_manifest(descriptor)), descriptor.media_type));
  CHECK(manifest.layers[0] == describe(kGzipTarLayer, packed));
  CHECK(must(archive.read_blob(manifest.layers[0], ByteCount{kMiB})) == packed);
}

TEST_CASE("parts of a docker archive that are not what they should be are refused", "[oci]") {
  Fixture f;
  SECTION("a layer of another content than its diff_id") {
    f.entry("1/layer.tar").data = "two";
    f.write();
    DockerArchive archive = must(DockerArchive::open(f.file, f.dir.path()));
    const Descriptor descriptor = must(archive.resolve(Fixture::named(std::nullopt)));
    const Manifest manifest =
        must(Manifest::parse(must(archive.read_manifest(descriptor)), descriptor.media_type));
    CHECK(error_code(archive.read_blob(manifest.layers[0], ByteCount{kMiB})) == Errc::kContent);
  }
  SECTION("a layer that is missing") {
    f.entry("other/layer.tar").path = "another/layer.tar";
    CHECK_THAT(f.refused(), Catch::Contains("is missing"));
  }
  SECTION("a configuration of another content than its name says") {
    f.entry(f.config_name).data += " ";
    CHECK_THAT(f.refused(), Catch::Contains("another digest"));
  }
  SECTION("a configuration that is missing") {
    f.entry(f.config_name).path = "x.json";
    CHECK_THAT(f.refused(), Catch::Contains("is missing"));
  }
  SECTION("a configuration with fewer diff_ids than there are layers") {
    const std::string config = Fixture::config_of({f.layers[0]});
    f.entry(f.config_name) = {"config.json", config};
    f.entry("manifest.json").data =
        Fixture::manifest_of("config.json", {"1/layer.tar", "2/layer.tar"});
    CHECK_THAT(f.refused(), Catch::Contains("1 diff_ids for 2 layers"));
  }
  SECTION("a configuration that is none") {
    f.entry(f.config_name) = {"config.json", "[]"};
    f.entry("manifest.json").data = Fixture::manifest_of("config.json", {"1/layer.tar"});
    f.refused();
  }
  SECTION("a configuration of 5 MiB") {
    f.entry(f.config_name) = {"config.json", std::string(5 * kMiB, ' ')};
    f.entry("manifest.json").data = Fixture::manifest_of("config.json", {"1/layer.tar"});
    CHECK_THAT(f.refused(), Catch::Contains("larger than"));
  }
  SECTION("a manifest.json of 5 MiB") {
    f.entry("manifest.json").data += std::string(5 * kMiB, ' ');
    CHECK_THAT(f.refused(), Catch::Contains("larger than"));
  }
  SECTION("no manifest.json") {
    f.entries.pop_back();
    CHECK_THAT(f.refused(), Catch::Contains("no manifest.json"));
  }
  SECTION("one with a layer named by another digest, beside an OCI layout") {
    const std::string name = "blobs/sha256/" + Digest::of("two").hex();
    f.entry("1/layer.tar").path = name;
    f.entry("manifest.json").data = Fixture::manifest_of(f.config_name, {name, "2/layer.tar"});
    CHECK_THAT(f.refused(), Catch::Contains("another digest"));
  }
}

TEST_CASE("no path of a docker archive means anything outside of it", "[oci]") {
  Fixture f;
  const auto lists_layer = [&](const std::string& path) {
    f.entry("manifest.json").data = Fixture::manifest_of(f.config_name, {path, "2/layer.tar"});
  };
  SECTION("a layer above the archive") {
    lists_layer("../../etc/passwd");
    CHECK_THAT(f.refused(), Catch::Contains("leads out of the archive"));
  }
  SECTION("an entry of that name is nobody's") {
    lists_layer("../../etc/passwd");
    f.entries.push_back({"../../etc/passwd", f.layers[0]});
    CHECK_THAT(f.refused(), Catch::Contains("leads out of the archive"));
  }
  SECTION("an absolute path") {
    lists_layer("/etc/passwd");
    CHECK_THAT(f.refused(), Catch::Contains("leads out of the archive"));
  }
  SECTION("an empty path") {
    lists_layer("");
    f.refused();
  }
  SECTION("a configuration above the archive") {
    f.entry("manifest.json").data = Fixture::manifest_of("1/../../x", {"1/layer.tar"});
    CHECK_THAT(f.refused(), Catch::Contains("leads out of the archive"));
  }
  SECTION("an absolute symlink") {
    f.entry("2/layer.tar").link = "/etc/passwd";
    CHECK_THAT(f.refused(), Catch::Contains("leads out of the archive"));
  }
  SECTION("a symlink that goes up too far") {
    f.entry("2/layer.tar").link = "../../other/layer.tar";
    CHECK_THAT(f.refused(), Catch::Contains("leads out of the archive"));
  }
  SECTION("a symlink to itself") {
    f.entry("2/layer.tar").link = "layer.tar";
    CHECK_THAT(f.refused(), Catch::Contains("too many symlinks"));
  }
  SECTION("symlinks to each other") {
    f.entry("2/layer.tar").link = "../3";
    f.entries.push_back({"3", "", '2', "2/layer.tar"});
    CHECK_THAT(f.refused(), Catch::Contains("too many symlinks"));
  }
  SECTION("a symlink to a directory") {
    f.entry("2/layer.tar").link = "../1";
    CHECK_THAT(f.refused(), Catch::Contains("is missing"));
  }
  SECTION("a hard link") {
    f.entry("2/layer.tar").type = '1';
    f.entry("2/layer.tar").link = "1/layer.tar";
    CHECK_THAT(f.refused(), Catch::Contains("not a plain file"));
  }
  SECTION("a fifo and a device") {
    f.entry("2/layer.tar").type = GENERATE('6', '3');
    CHECK_THAT(f.refused(), Catch::Contains("not a plain file"));
  }
  SECTION("a layer twice") {
    f.entries.push_back({"1/layer.tar", "two"});
    CHECK_THAT(f.refused(), Catch::Contains("stands twice"));
  }
  SECTION("manifest.json twice, in two ways to write it") {
    f.entries.push_back({"./manifest.json", "[]"});
    CHECK_THAT(f.refused(), Catch::Contains("stands twice"));
  }
}

TEST_CASE("what is no docker archive is refused", "[oci]") {
  Fixture f;
  CHECK(error_code(DockerArchive::open(f.file, f.dir.path())) == Errc::kNotFound);
  CHECK(error_code(DockerArchive::open(f.dir.path(), f.dir.path())) == Errc::kContent);
  spit(f.file, "no tar at all, but long enough to look at");
  CHECK(error_code(DockerArchive::open(f.file, f.dir.path())) == Errc::kContent);
  f.write();
  const std::string good = slurp(f.file);
  spit(f.file, good.substr(0, good.size() / 2));
  CHECK(error_code(DockerArchive::open(f.file, f.dir.path())) == Errc::kContent);
}

TEST_CASE("a docker archive that is compressed as a whole is read like the plain one", "[oci]") {
  Fixture f;
  f.write();
  const std::string plain = slurp(f.file);
  const Descriptor wanted =
      must(must(DockerArchive::open(f.file, f.dir.path())).resolve(Fixture::named(std::nullopt)));
  const std::string program = GENERATE(as<std::string>{}, "gzip", "zstd");
  const std::string packed = compressed(program, plain, f.dir.path());
  spit(f.file, packed);
  const auto left_behind = [&] {
    return std::distance(std::filesystem::directory_iterator(f.dir.path()),
                         std::filesystem::directory_iterator());
  };
  const auto before = left_behind();
  SECTION("as it is") {
    DockerArchive archive = must(DockerArchive::open(f.file, f.dir.path()));
    const Descriptor descriptor = must(archive.resolve(Fixture::named(std::nullopt)));
    CHECK(descriptor == wanted);
    const Manifest manifest =
        must(Manifest::parse(must(archive.read_manifest(descriptor)), descriptor.media_type));
    for (const Descriptor& layer : manifest.layers) {
      CHECK(archive.read_blob(layer, ByteCount{kMiB}));
    }
  }
  SECTION("cut anywhere, or followed by something else") {
    for (std::size_t size = 4; size < packed.size(); size += 7) {
      INFO(size);
      spit(f.file, packed.substr(0, size));
      const auto opened = DockerArchive::open(f.file, f.dir.path());
      if (opened) {
        // Of what comes behind the end of the tar.
        DockerArchive archive = must(DockerArchive::open(f.file, f.dir.path()));
        CHECK(must(archive.resolve(Fixture::named(std::nullopt))) == wanted);
      } else {
        CHECK(opened.error().code() == Errc::kContent);
      }
    }
  }
  SECTION("twice, in two ways") {
    spit(f.file, compressed(program == "gzip" ? "zstd" : "gzip", packed, f.dir.path()));
    CHECK(error_code(DockerArchive::open(f.file, f.dir.path())) == Errc::kContent);
  }
  CHECK(left_behind() == before);
}

TEST_CASE("an archive of an old docker has the layers that its chain of parents names", "[oci]") {
  const std::string low(64, 'a');
  const std::string high(64, 'b');
  Fixture f;
  f.entries = {{low + "/VERSION", "1.0"},
               {low + "/json", R"({"id":")" + low + R"(","parent":""})"},
               {low + "/layer.tar", f.layers[0]},
               {high + "/json",
                R"({"id":")" + high + R"(","parent":")" + low +
                    R"(","architecture":"amd64","os":"linux","container":null,)"
                    R"("config":{"Cmd":["/x"],"Entrypoint":null,"Env":["A=b"]}})"},
               {high + "/layer.tar", "", '2', "../there.tar"},
               {"there.tar", f.layers[1]},
               {"repositories", R"({"web":{"1":")" + high + R"(","2":")" + high + R"("}})"}};
  SECTION("bottom first, with the configuration of the uppermost one") {
    f.write();
    DockerArchive archive = must(DockerArchive::open(f.file, f.dir.path()));
    const Descriptor descriptor = must(archive.resolve(Fixture::named("web:1")));
    CHECK(descriptor == must(archive.resolve(Fixture::named("docker.io/library/web:2"))));
    CHECK(descriptor == must(archive.resolve(Fixture::named(std::nullopt))));
    CHECK(error_code(archive.resolve(Fixture::named("web:3"))) == Errc::kNotFound);
    const Manifest manifest =
        must(Manifest::parse(must(archive.read_manifest(descriptor)), descriptor.media_type));
    const ImageConfig config =
        must(ImageConfig::parse(must(archive.read_blob(manifest.config, ByteCount{64 * kKiB}))));
    CHECK(config.cmd == std::vector<std::string>{"/x"});
    CHECK(config.env == std::vector<std::string>{"A=b"});
    CHECK(config.diff_ids == std::vector<Digest>{Digest::of(f.layers[0]), Digest::of(f.layers[1])});
    REQUIRE(manifest.layers.size() == 2);
    CHECK(must(archive.read_blob(manifest.layers[0], ByteCount{kMiB})) == f.layers[0]);
    CHECK(must(archive.read_blob(manifest.layers[1], ByteCount{kMiB})) == f.layers[1]);
  }
  SECTION("a layer that is missing, or its tar") {
    const std::string gone = GENERATE_COPY(low + "/json", low + "/layer.tar", high + "/json");
    std::erase_if(f.entries, [&](const Entry& e) { return e.path == gone; });
    CHECK_THAT(f.refused(), Catch::Contains("is missing"));
  }
  SECTION("layers in a circle") {
    f.entry(low + "/json").data = R"({"id":")" + low + R"(","parent":")" + high + R"("})";
    CHECK_THAT(f.refused(), Catch::Contains("go in circles"));
  }
  SECTION("a layer with another's id") {
    f.entry(low + "/json").data = R"({"id":")" + high + R"("})";
    CHECK_THAT(f.refused(), Catch::Contains("of another layer"));
  }
  SECTION("ids that are paths, or none") {
    for (const char* id : {"\"../x\"", "\"\"", "1", "null", "\"A\""}) {
      f.entry("repositories").data = std::string(R"({"web":{"1":)") + id + "}}";
      CHECK_THAT(f.refused(), Catch::Contains("64 lower-case hex digits"));
      f.entry("repositories").data = R"({"web":{"1":")" + high + R"("}})";
      if (std::string_view(id) != "null" && std::string_view(id) != "\"\"") {
        f.entry(high + "/json").data = R"({"id":")" + high + R"(","parent":)" + id + "}";
        CHECK_THAT(f.refused(), Catch::Contains("64 lower-case hex digits"));
      }
    }
  }
  SECTION("no architecture, or a configuration that is none") {
    f.entry(high + "/json").data =
        R"({"id":")" + high + R"(",)" +
        GENERATE(as<std::string>{}, R"("os":"linux"})", R"("architecture":1})");
    CHECK_THAT(f.refused(), Catch::Contains("architecture"));
  }
  SECTION("a list that lists nothing, or nothing that can be read") {
    f.entry("repositories").data =
        GENERATE(as<std::string>{}, "{}", "[]", "{\"web\":{}}", "{\"web\":1}", "{");
    CHECK_FALSE(f.refused().empty());
  }
}

TEST_CASE("a docker archive that changes while it is read is noticed", "[oci]") {
  Fixture f;
  f.write();
  DockerArchive archive = must(DockerArchive::open(f.file, f.dir.path()));
  const Descriptor descriptor = must(archive.resolve(Fixture::named(std::nullopt)));
  const Manifest manifest =
      must(Manifest::parse(must(archive.read_manifest(descriptor)), descriptor.media_type));
  f.entry("1/layer.tar").data = "three";
  f.write();
  CHECK(error_text(archive.read_blob(manifest.layers[0], ByteCount{kMiB})).find("changed") !=
        std::string::npos);
  f.entries.erase(f.entries.begin() + 1, f.entries.end());
  f.write();
  CHECK(error_code(archive.read_blob(manifest.layers[0], ByteCount{kMiB})) == Errc::kContent);
}

TEST_CASE("nothing is written to a docker archive", "[oci]") {
  Fixture f;
  f.write();
  const std::string before = slurp(f.file);
  DockerArchive archive = must(DockerArchive::open(f.file, f.dir.path()));
  const Descriptor one = describe(kImageManifest, "{}");
  CHECK(error_code(archive.push_blob(one, BlobSource::bytes("{}"))) == Errc::kUsage);
  CHECK(error_code(archive.push_manifest(one, "{}", "x")) == Errc::kUsage);
  CHECK(error_code(archive.push_referrer(one, "{}", one)) == Errc::kUsage);
  CHECK(slurp(f.file) == before);
}
