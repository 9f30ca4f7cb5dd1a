#include <ctime>
#include <iostream>

#include "mosb/base/base64.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "tests/oci/registry_fixture.h"

using mosb::ByteCount;
using mosb::Digest;
using mosb::Errc;
using mosb::Json;
using mosb::kMiB;
using mosb::TempDir;
using mosb::oci::BlobSource;
using mosb::oci::describe;
using mosb::oci::Descriptor;
using mosb::oci::kImageConfig;
using mosb::oci::kImageManifest;
using mosb::oci::kNotarySignature;
using mosb::test::connect;
using mosb::test::DockerRegistry;
using mosb::test::must;
using mosb::test::refused;
using mosb::test::tagged;

namespace {

/// Says so and returns true if one of the programs is missing.
bool skips(const std::vector<std::string>& programs) {
  for (const std::string& program : programs) {
    if (mosb::test::find_installed(program).empty()) {
      std::cout << "SKIP " << Catch::getResultCapture().getCurrentTestName() << ": no " << program
                << " installed\n";
      return true;
    }
  }
  return false;
}

mosb::Completed skopeo(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"skopeo", "--insecure-policy"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  mosb::RealProcessRunner runner;
  mosb::Completed done =
      must(runner.run({.argv = argv,
                       .env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"},
                       .input = ""}));
  INFO(done.err);
  CHECK(done.status == 0);
  return done;
}

/// Bytes that skopeo takes for a compressed layer, else it would compress them.
std::string gzipped(const std::string& bytes) {
  mosb::RealProcessRunner runner;
  return must(runner.run({.argv = {"gzip", "-n1"}, .env = {}, .input = bytes})).out;
}

/// Compressible to half of its size.
std::string some_bytes() {
  std::string bytes;
  for (unsigned i = 0; bytes.size() < 1'000'000; ++i) {
    bytes += Digest::of(std::to_string(i)).hex();
  }
  return bytes;
}

/// A small image: its blobs and its manifest.
struct Image {
  std::string config =
      R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})";
  std::string layer = gzipped(some_bytes());
  Descriptor config_descriptor = describe(kImageConfig, config);
  Descriptor layer_descriptor = describe("application/vnd.oci.image.layer.v1.tar+gzip", layer);
  std::string manifest = Json{{"schemaVersion", 2},
                              {"mediaType", kImageManifest},
                              {"config", to_json(config_descriptor)},
                              {"layers", {to_json(layer_descriptor)}}}
                             .dump();
  Descriptor descriptor = describe(kImageManifest, manifest);

  void push(mosb::oci::Repository& to, const std::string& tag) const {
    must(to.push_blob(config_descriptor, BlobSource::bytes(config)));
    must(to.push_blob(layer_descriptor, BlobSource::bytes(layer)));
    must(to.push_manifest(descriptor, manifest, tag));
  }

  /// As an OCI layout in `dir`, tagged "it".
  void write_layout(const std::string& dir) const {
    must(mosb::sys::mkdir_all(dir + "/blobs/sha256", 0755));
    for (const std::string* blob : {&config, &layer, &manifest}) {
      must(mosb::write_file_atomic(dir + "/blobs/sha256/" + Digest::of(*blob).hex(), *blob, 0644));
    }
    Json entry = to_json(descriptor);
    entry["annotations"] = {{mosb::oci::kRefName, "it"}};
    must(mosb::write_file_atomic(
        dir + "/index.json", Json{{"schemaVersion", 2}, {"manifests", {entry}}}.dump(), 0644));
    must(mosb::write_file_atomic(dir + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})", 0644));
  }
};

std::string base64url(const std::string& text) {
  return mosb::base64url_encode(std::as_bytes(std::span(text)));
}

std::string openssl(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), "openssl");
  mosb::RealProcessRunner runner;
  mosb::Completed done =
      must(runner.run({.argv = std::move(arguments), .env = {"LC_ALL=C"}, .input = input}));
  INFO(done.err);
  REQUIRE(done.status == 0);
  return done.out;
}

/// A token that lets its bearer pull from and push to app/web, signed with a new key; the key's
/// certificate is written to `certificate`.
std::string make_token(const std::string& dir, const std::string& certificate) {
  const std::string key = dir + "/token.key";
  openssl({"req",
           "-x509",
           "-newkey",
           "rsa:2048",
           "-nodes",
           "-keyout",
           key,
           "-out",
           certificate,
           "-subj",
           "/CN=token server",
           "-days",
           "2"});
  const std::string der = openssl({"x509", "-in", certificate, "-outform", "DER"});
  const std::string x5c = mosb::base64_encode(std::as_bytes(std::span(der)));
  const std::int64_t now = std::time(nullptr);
  const Json header = {{"typ", "JWT"}, {"alg", "RS256"}, {"x5c", Json::array({x5c})}};
  const Json claims = {{"iss", "token server"},
                       {"sub", "alice"},
                       {"aud", "registry"},
                       {"exp", now + 3600},
                       {"nbf", now - 60},
                       {"iat", now - 60},
                       {"jti", "1"},
                       {"access",
                        Json::array({{{"type", "repository"},
                                      {"name", "app/web"},
                                      {"actions", Json::array({"pull", "push"})}}})}};
  const std::string text = base64url(header.dump()) + "." + base64url(claims.dump());
  return text + "." + base64url(openssl({"dgst", "-sha256", "-sign", key}, text));
}

std::string read_blob(mosb::oci::Repository& from, const Descriptor& blob) {
  return must(from.read_blob(blob, ByteCount{16 * kMiB}));
}

}  // namespace

TEST_CASE("an image that skopeo pushed is read", "[registry]") {
  if (skips({"docker-registry", "skopeo"})) {
    return;
  }
  const auto server = must(DockerRegistry::start());
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-skopeo-"));
  const Image image;
  image.write_layout(dir.path() + "/layout");
  skopeo({"copy",
          "--dest-tls-verify=false",
          "oci:" + dir.path() + "/layout:it",
          "docker://" + server.host() + "/app/web:1.0"});
  auto client = connect(server.host());
  const Descriptor found = must(client->resolve(tagged("1.0")));
  CHECK(found == image.descriptor);
  CHECK(must(client->read_manifest(found)) == image.manifest);
  CHECK(read_blob(client.registry, image.config_descriptor) == image.config);
  CHECK(read_blob(client.registry, image.layer_descriptor) == image.layer);
  CHECK(refused(client->resolve(tagged("2.0"))).code() == Errc::kNotFound);
}

TEST_CASE("an image that was pushed is read by skopeo", "[registry]") {
  if (skips({"docker-registry", "skopeo"})) {
    return;
  }
  const auto server = must(DockerRegistry::start());
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-skopeo-"));
  const Image image;
  auto client = connect(server.host());
  image.push(client.registry, "1.0");
  const std::string name = "docker://" + server.host() + "/app/web:1.0";
  CHECK(skopeo({"inspect", "--raw", "--tls-verify=false", name}).out == image.manifest);
  skopeo({"copy", "--src-tls-verify=false", name, "oci:" + dir.path() + "/layout:it"});
  CHECK(must(mosb::read_file(dir.path() + "/layout/blobs/sha256/" + Digest::of(image.layer).hex(),
                             ByteCount{16 * kMiB})) == image.layer);
}

TEST_CASE("pushing an image again sends no blob", "[registry]") {
  if (skips({"docker-registry"})) {
    return;
  }
  const auto server = must(DockerRegistry::start());
  const Image image;
  auto client = connect(server.host());
  image.push(client.registry, "1.0");
  const auto uploads = [&server] {
    const std::string log = server.log();
    std::size_t n = 0;
    for (std::size_t at = 0; (at = log.find("\"PUT /v2/app/web/blobs", at)) != std::string::npos;
         ++at) {
      ++n;
    }
    return n;
  };
  CHECK(uploads() == 2);
  image.push(client.registry, "1.1");
  CHECK(uploads() == 2);
  CHECK(must(client->resolve(tagged("1.1"))) == image.descriptor);
}

TEST_CASE("signatures gather in the index under the referrers tag", "[registry]") {
  if (skips({"docker-registry"})) {
    return;
  }
  for (const bool allow_delete : {true, false}) {
    INFO("deletion allowed: " << allow_delete);
    const auto server = must(DockerRegistry::start({.allow_delete = allow_delete}));
    const Image image;
    auto client = connect(server.host());
    image.push(client.registry, "1.0");
    CHECK(must(client->referrers(image.descriptor, kNotarySignature)).empty());
    std::vector<Descriptor> pushed;
    for (const char* name : {"first", "second", "third"}) {
      const std::string manifest = Json{
          {"schemaVersion", 2},
          {"mediaType", kImageManifest},
          {"config",
           {{"mediaType", kNotarySignature},
            {"digest", image.config_descriptor.digest.str()},
            {"size", image.config_descriptor.size}}},
          {"layers", {to_json(image.layer_descriptor)}},
          {"subject", to_json(image.descriptor)},
          {"annotations",
           {{"name", name}}}}.dump();
      const Descriptor descriptor = describe(kImageManifest, manifest);
      must(client->push_referrer(descriptor, manifest, image.descriptor));
      must(client->push_referrer(descriptor, manifest, image.descriptor));
      pushed.push_back(descriptor);
    }
    const auto listed = must(client->referrers(image.descriptor, kNotarySignature));
    REQUIRE(listed.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(same_content(listed[i], pushed[i]));
      CHECK(listed[i].annotations.count("name") == 1);
      CHECK(client->read_manifest(listed[i]));
    }
    CHECK(must(client->referrers(image.descriptor, "text/other")).empty());
  }
}

TEST_CASE("a registry with a login takes the right one only", "[registry]") {
  if (skips({"docker-registry"})) {
    return;
  }
  // htpasswd -nbB alice s3cret
  const auto server = must(DockerRegistry::start(
      {.htpasswd = "alice:$2y$05$mosbtestsaltmosbtests.kbeHqdNAMHyMM24qrAjctLAa6CZyIbm"}));
  const Image image;
  CHECK(refused(connect(server.host())->resolve(tagged("1.0"))).code() == Errc::kNetwork);
  const auto log_in = [&server](const std::string& password) {
    return connect(
        server.host(),
        {.insecure = true, .credentials = mosb::oci::Credentials{"alice", password, ""}});
  };
  auto wrong = log_in("secret");
  CHECK(refused(wrong->resolve(tagged("1.0"))).code() == Errc::kNetwork);
  auto right = log_in("s3cret");
  image.push(right.registry, "1.0");
  CHECK(must(right->resolve(tagged("1.0"))) == image.descriptor);
}

TEST_CASE("a registry with a token server is pulled from and pushed to", "[registry]") {
  if (skips({"docker-registry", "openssl"})) {
    return;
  }
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-token-"));
  const std::string certificate = dir.path() + "/token.pem";
  const std::string token = make_token(dir.path(), certificate);
  const auto tokens = must(mosb::test::ScriptedRegistry::start(
      Json::array({{{"path", "/token*"},
                    {"when", {{"Authorization", "Basic YWxpY2U6czNjcmV0"}}},
                    {"body", Json{{"token", token}}.dump()}},
                   {{"status", 401}}})));
  const auto server = must(DockerRegistry::start(
      {.token_auth = "    realm: http://" + tokens.host() + "/token\n    service: registry\n" +
                     "    issuer: token server\n    rootcertbundle: " + certificate + "\n"}));
  const Image image;
  auto client =
      connect(server.host(),
              {.insecure = true, .credentials = mosb::oci::Credentials{"alice", "s3cret", ""}});
  image.push(client.registry, "1.0");
  CHECK(must(client->resolve(tagged("1.0"))) == image.descriptor);
  CHECK(tokens.count("GET", "/token?service=registry&scope=repository%3Aapp%2Fweb%3Apull%2Cpush") ==
        1);
  CHECK(tokens.requests().size() == 2);
  CHECK(refused(connect(server.host())->resolve(tagged("1.0"))).code() == Errc::kNetwork);
}

TEST_CASE("a registry with a private certificate authority is talked to by its name",
          "[registry]") {
  if (skips({"docker-registry", "openssl"})) {
    return;
  }
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-tls-"));
  const auto tls = must(mosb::test::make_tls_files(dir.path(), "IP:127.0.0.1"));
  const auto server = must(DockerRegistry::start({.tls = tls}));
  const Image image;
  auto client = connect(server.host(), {.ca_file = tls.ca});
  image.push(client.registry, "1.0");
  CHECK(must(client->resolve(tagged("1.0"))) == image.descriptor);
  CHECK(read_blob(client.registry, image.layer_descriptor) == image.layer);

  CHECK(refused(connect(server.host(), mosb::oci::RegistryOptions{})->resolve(tagged("1.0")))
            .code() == Errc::kNetwork);
  const auto plain = refused(connect(server.host())->resolve(tagged("1.0")));
  CHECK(plain.code() == Errc::kNetwork);
  CHECK(plain.hint().find("HTTPS") != std::string::npos);
}

TEST_CASE("HTTPS to a registry without it names the way out", "[registry]") {
  if (skips({"docker-registry"})) {
    return;
  }
  const auto server = must(DockerRegistry::start());
  const auto error =
      refused(connect(server.host(), mosb::oci::RegistryOptions{})->resolve(tagged("1.0")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.hint().find("--insecure-registry") != std::string::npos);
}
