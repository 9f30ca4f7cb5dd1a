#include <chrono>
#include <cstdlib>
#include <set>

#include <sys/resource.h>

#include "mosb/base/base64.h"
#include "tests/oci/registry_fixture.h"

using mosb::ByteCount;
using mosb::Errc;
using mosb::Error;
using mosb::Json;
using mosb::kKiB;
using mosb::kMiB;
using mosb::oci::Descriptor;
using mosb::test::blob_of;
using mosb::test::blob_path;
using mosb::test::connect;
using mosb::test::in_turn;
using mosb::test::kManifest;
using mosb::test::manifest_rule;
using mosb::test::must;
using mosb::test::refused;
using mosb::test::ScriptedRegistry;
using mosb::test::tagged;

namespace {

constexpr std::uint64_t kTenGigabytes = 10'000'000'000;

/// Reads this blob once for each of the rules, which is how the server answers; each time it must
/// be refused.
std::vector<Error> refused_blobs(const Descriptor& blob, const std::vector<Json>& rules) {
  const auto server = must(ScriptedRegistry::start(in_turn(rules)));
  std::vector<Error> errors;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    INFO("rule " << i);
    errors.push_back(refused(connect(server.host())->read_blob(blob, ByteCount{kMiB})));
  }
  CHECK(server.count("GET", blob_path(blob)) == rules.size());
  return errors;
}

/// The same for a manifest by its tag; the rules need not name the media type.
std::vector<Error> refused_manifests(std::vector<Json> rules) {
  for (Json& rule : rules) {
    if (!rule.contains("headers") || !rule["headers"].contains("Content-Type")) {
      rule["headers"]["Content-Type"] = mosb::oci::kImageManifest;
    }
  }
  const auto server = must(ScriptedRegistry::start(in_turn(rules)));
  std::vector<Error> errors;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    INFO("rule " << i);
    errors.push_back(refused(connect(server.host())->resolve(tagged("1"))));
  }
  return errors;
}

void check_all(const std::vector<Error>& errors, Errc code) {
  for (std::size_t i = 0; i < errors.size(); ++i) {
    INFO("rule " << i << ": " << errors[i].message());
    CHECK(errors[i].code() == code);
  }
}

/// A whole answer, byte for byte.
Json raw(const std::string& bytes) {
  return {{"raw_base64", mosb::base64_encode(std::as_bytes(std::span(bytes)))}};
}

/// Peak memory of this process in bytes.
std::uint64_t peak_memory() {
  rusage usage{};
  REQUIRE(::getrusage(RUSAGE_SELF, &usage) == 0);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * kKiB;
}

}  // namespace

TEST_CASE("a tag is asked for exactly once, however it changes afterwards", "[registry]") {
  const std::string other = std::string(kManifest) + " ";
  Json first = manifest_rule("1", kManifest);
  first["times"] = 1;
  const auto server =
      must(ScriptedRegistry::start(Json::array({first, manifest_rule("1", other)})));
  auto client = connect(server.host());
  const Descriptor resolved = must(client->resolve(tagged("1")));
  CHECK(resolved == mosb::oci::describe(mosb::oci::kImageManifest, kManifest));
  CHECK(must(client->read_manifest(resolved)) == kManifest);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a manifest that is no longer at hand is read by its digest", "[registry]") {
  const Descriptor wanted = mosb::oci::describe(mosb::oci::kImageManifest, kManifest);
  const auto server =
      must(ScriptedRegistry::start(Json::array({manifest_rule(wanted.digest.str(), kManifest)})));
  auto client = connect(server.host());
  CHECK(must(client->read_manifest(wanted)) == kManifest);
  CHECK(server.requests().at(0)["headers"]["accept"] == mosb::oci::kImageManifest);
}

TEST_CASE("a manifest whose bytes are not those of the digest is refused", "[registry]") {
  const Descriptor wanted = mosb::oci::describe(mosb::oci::kImageManifest, kManifest);
  std::string forged = kManifest;
  forged.back() = ' ';
  const auto server =
      must(ScriptedRegistry::start(Json::array({manifest_rule(wanted.digest.str(), forged)})));
  auto client = connect(server.host());
  CHECK(refused(client->read_manifest(wanted)).code() == Errc::kContent);
  mosb::oci::Reference reference = tagged("1");
  reference.tag.reset();
  reference.digest = wanted.digest;
  CHECK(refused(client->resolve(reference)).code() == Errc::kContent);
}

TEST_CASE("a manifest that the registry calls by another digest is refused", "[registry]") {
  Json rule = manifest_rule("1", kManifest);
  rule["headers"]["Docker-Content-Digest"] = blob_of("other").digest.str();
  check_all(refused_manifests({rule}), Errc::kContent);
}

TEST_CASE("a media type that was not asked for is refused", "[registry]") {
  check_all(refused_manifests(
                {manifest_rule("1", kManifest, "text/html"),
                 manifest_rule(
                     "1", kManifest, "application/vnd.docker.distribution.manifest.v1+prettyjws"),
                 manifest_rule("1", kManifest, "application/vnd.oci.image.manifest.v1+jsonx"),
                 manifest_rule("1", kManifest, "")}),
            Errc::kContent);
  const auto server = must(ScriptedRegistry::start(Json::array({manifest_rule(
      "1", kManifest, "application/vnd.oci.image.manifest.v1+json; charset=utf-8")})));
  CHECK(connect(server.host())->resolve(tagged("1")));
}

TEST_CASE("what is not there is not found", "[registry]") {
  const auto server = must(ScriptedRegistry::start(Json::array()));
  auto client = connect(server.host());
  CHECK(refused(client->resolve(tagged("1"))).code() == Errc::kNotFound);
  CHECK(refused(client->read_blob(blob_of("x"), ByteCount{10})).code() == Errc::kNotFound);
}

TEST_CASE("a Content-Length that is not the descriptor's size is refused before the body",
          "[registry]") {
  std::vector<Json> rules;
  for (const std::uint64_t length : {0ULL, 9ULL, 11ULL, 10'000'000'000ULL}) {
    // The body hardly comes: a client that waited for it would run into the test's time limit.
    rules.push_back(
        {{"length", length}, {"body", "ten bytes!"}, {"piece", 1}, {"piece_delay_ms", 60'000}});
  }
  check_all(refused_blobs(blob_of("ten bytes!"), rules), Errc::kContent);
}

TEST_CASE("an endless body is stopped at the declared size", "[registry]") {
  const std::uint64_t before = peak_memory();
  const Json chunked = {{"endless", true}};
  const Json until_close = {{"endless", true}, {"length", nullptr}};
  const Json as_error = {{"endless", true}, {"status", 500}};
  check_all(refused_blobs(blob_of("ten bytes!"), {chunked, until_close, as_error}), Errc::kContent);
  check_all(refused_manifests({chunked, until_close, as_error}), Errc::kContent);
  CHECK(peak_memory() - before < 32 * kMiB);
}

TEST_CASE("no byte beyond the declared size reaches the sink", "[registry]") {
  const Descriptor blob = blob_of("ten bytes!");
  const auto server =
      must(ScriptedRegistry::start(Json::array({{{"path", blob_path(blob)}, {"endless", true}}})));
  std::size_t taken = 0;
  const Error error =
      refused(connect(server.host())->fetch_blob(blob, [&taken](std::span<const std::byte> piece) {
        taken += piece.size();
        return mosb::ok();
      }));
  CHECK(error.code() == Errc::kContent);
  CHECK(taken <= blob.size);
}

TEST_CASE("documents that claim ten gigabytes are refused by their headers", "[registry]") {
  check_all(refused_manifests({{{"length", kTenGigabytes}},
                               {{"length", kTenGigabytes}, {"status", 500}},
                               {{"fill", 4 * kMiB + 1}},
                               {{"fill", 64 * kKiB + 1}, {"status", 404}}}),
            Errc::kContent);
}

TEST_CASE("a blob with one changed byte is refused", "[registry]") {
  check_all(refused_blobs(blob_of("ten bytes!"),
                          {{{"body", "ten bytes?"}}, {{"body", "ten bytes?"}, {"chunked", true}}}),
            Errc::kContent);
}

TEST_CASE("a body that is cut off is refused", "[registry]") {
  const Descriptor blob = blob_of(std::string(100'000, 'x'));
  const auto errors =
      refused_blobs(blob,
                    {{{"fill", 100'000}, {"cut_after", 50'000}},
                     {{"fill", 100'000}, {"cut_after", 50'000}, {"chunked", true}},
                     {{"fill", 100'000}, {"cut_after", 50'000}, {"length", nullptr}}});
  CHECK(errors[0].code() == Errc::kNetwork);
  CHECK(errors[1].code() == Errc::kNetwork);
  CHECK(errors[2].code() == Errc::kContent);  // nothing but the size tells
}

TEST_CASE("a content encoding is refused before the body is read", "[registry]") {
  const Descriptor blob = blob_of("x");
  std::vector<Json> rules = {
      raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")};
  for (const char* coding : {"gzip", "zstd", "br", "identity, gzip"}) {
    rules.push_back({{"headers", {{"Content-Encoding", coding}}}, {"body", "x"}});
  }
  check_all(refused_blobs(blob, rules), Errc::kContent);
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"headers", {{"Content-Encoding", "identity"}}}, {"body", "x"}}})));
  CHECK(must(connect(server.host())->read_blob(blob, ByteCount{1})) == "x");
}

TEST_CASE("malformed heads are refused", "[registry]") {
  const Descriptor blob = blob_of("x");
  const std::string end = "Content-Length: 1\r\n\r\nx";
  std::string many;
  for (int i = 0; i < 300; ++i) {
    many += "A: b\r\n";
  }
  std::string flood;
  for (int i = 0; i < 100'000; ++i) {
    flood += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  const std::vector<std::pair<std::string, std::string>> heads = {
      {"a header of a megabyte", "HTTP/1.1 200 OK\r\nA: " + std::string(kMiB, 'a') + "\r\n" + end},
      {"a header of 90 KB", "HTTP/1.1 200 OK\r\nA: " + std::string(90'000, 'a') + "\r\n" + end},
      {"too many headers", "HTTP/1.1 200 OK\r\n" + many + end},
      {"interim answers without end", flood},
      {"a folded header", "HTTP/1.1 200 OK\r\nA: b\r\n  c\r\n" + end},
      {"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx"},
      {"a NUL", std::string("HTTP/1.1 200 OK\r\nA: b\0c\r\n", 25) + end},
      {"a carriage return inside", "HTTP/1.1 200 OK\r\nA: b\rc\r\n" + end},
      {"no colon", "HTTP/1.1 200 OK\r\nA b\r\n" + end},
      {"a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx"},
      {"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + end},
      {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx"},
      {"no status line", "x"},
      {"HTTP/0.9", "<html>hello</html>"},
      {"a status that is none", "HTTP/1.1 2000 OK\r\n" + end},
      {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n"},
      {"nothing", ""},
      {"half a head", "HTTP/1.1 200 OK\r\nContent-Le"}};
  std::vector<Json> rules;
  for (const auto& [what, bytes] : heads) {
    rules.push_back(raw(bytes));
  }
  const auto server = must(ScriptedRegistry::start(in_turn(rules)));
  const std::uint64_t before = peak_memory();
  for (const auto& [what, bytes] : heads) {
    INFO(what);
    CHECK(refused(connect(server.host())->read_blob(blob, ByteCount{1})).code() == Errc::kNetwork);
  }
  CHECK(server.requests().size() == heads.size());
  CHECK(peak_memory() - before < 32 * kMiB);
}

TEST_CASE("bytes after an answer are nobody's", "[registry]") {
  const Descriptor blob = blob_of("x");
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
  Json rule = raw(answer + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ny");
  rule["times"] = 1;
  const auto server = must(ScriptedRegistry::start(Json::array({rule, {{"body", "z"}}})));
  auto client = connect(server.host());
  CHECK(must(client->read_blob(blob, ByteCount{1})) == "x");
  const Descriptor next = blob_of("z");
  CHECK(must(client->read_blob(next, ByteCount{1})) == "z");
}

TEST_CASE("a server that never answers costs the request's time and no more", "[registry]") {
  const auto server =
      must(ScriptedRegistry::start(Json::array({{{"delay_ms", 60'000}, {"body", "x"}}})));
  mosb::oci::RegistryOptions options{.insecure = true};
  options.timeouts.request = std::chrono::milliseconds(300);
  const Error error =
      refused(connect(server.host(), options)->read_blob(blob_of("x"), ByteCount{1}));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("too slow") != std::string::npos);
}

TEST_CASE("a body below the least rate is given up", "[registry]") {
  const std::string bytes(1'000'000, 'x');
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"fill", bytes.size()}, {"piece", 1}, {"piece_delay_ms", 100}}})));
  mosb::oci::RegistryOptions options{.insecure = true};
  options.timeouts.rate_window = std::chrono::seconds(1);
  const Error error =
      refused(connect(server.host(), options)->read_blob(blob_of(bytes), ByteCount{kMiB}));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("too slow") != std::string::npos);
}

TEST_CASE("after the deadline nothing is sent any more", "[registry]") {
  const auto server = must(ScriptedRegistry::start(Json::array()));
  mosb::oci::RegistryOptions options{.insecure = true};
  options.timeouts.deadline = std::chrono::steady_clock::now();
  CHECK(refused(connect(server.host(), options)->resolve(tagged("1"))).code() == Errc::kNetwork);
  CHECK(server.requests().empty());
}

TEST_CASE("one connection serves many requests", "[registry]") {
  const auto server =
      must(ScriptedRegistry::start(Json::array({{{"body", "x"}, {"times", 1}}, {{"body", "x"}}})));
  auto client = connect(server.host());
  for (int i = 0; i < 20; ++i) {
    CHECK(must(client->read_blob(blob_of("x"), ByteCount{1})) == "x");
  }
  std::set<std::uint64_t> connections;
  for (const Json& request : server.requests()) {
    connections.insert(request["connection"].get<std::uint64_t>());
  }
  CHECK(connections.size() == 1);
}

TEST_CASE("what a registry says in an error is shown escaped and short", "[registry]") {
  const std::string body =
      R"({"errors":[{"code":"DENIED","message":"no\u001b[31m )" + std::string(5000, 'a') + "\"}]}";
  const Error error = refused_manifests({{{"status", 403}, {"body", body}}}).at(0);
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("DENIED: no\\x1b[31m") != std::string::npos);
  CHECK(error.message().size() < 1000);
  CHECK_FALSE(error.hint().empty());
}

TEST_CASE("a proxy in the environment is used only where that is configured", "[registry]") {
  const auto proxy = must(ScriptedRegistry::start(
      Json::array({{{"path", "http://registry.invalid/v2/app/web/manifests/1"},
                    {"headers", {{"Content-Type", mosb::oci::kImageManifest}}},
                    {"body", kManifest}}})));
  REQUIRE(::setenv("http_proxy", ("http://" + proxy.host()).c_str(), 1) == 0);
  const Error error =
      refused(connect("registry.invalid", {.insecure = true})->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(proxy.requests().empty());
  CHECK(connect("registry.invalid", {.insecure = true, .use_environment_proxy = true})
            ->resolve(tagged("1")));
  REQUIRE(::unsetenv("http_proxy") == 0);
}

TEST_CASE("a port without a registry is a network error", "[registry]") {
  std::string host;
  { host = must(ScriptedRegistry::start(Json::array())).host(); }
  CHECK(refused(connect(host)->resolve(tagged("1"))).code() == Errc::kNetwork);
}

TEST_CASE("a line break in a media type does not become a header", "[registry]") {
  const auto server = must(ScriptedRegistry::start(Json::array()));
  Descriptor manifest = mosb::oci::describe("application/json\r\nX-Evil: yes", kManifest);
  auto client = connect(server.host());
  CHECK(refused(client->read_manifest(manifest)).code() == Errc::kContent);
  CHECK(refused(client->push_manifest(manifest, kManifest, "1")).code() == Errc::kContent);
  CHECK(server.requests().empty());
}

TEST_CASE("a repository that is none is a usage error", "[registry]") {
  auto http = must(mosb::oci::make_curl_http_client());
  for (const char* repository : {"", "App", "a b", "a?b", "a#b", "a\nb", "a:1"}) {
    INFO(repository);
    CHECK(refused(mosb::oci::Registry::open("registry.example", repository, {}, *http)).code() ==
          Errc::kUsage);
  }
}

TEST_CASE("a host that is none is a usage error", "[registry]") {
  auto http = must(mosb::oci::make_curl_http_client());
  for (const char* host : {"", "a b", "user@host", "host/path", "host:99999", "host?x"}) {
    INFO(host);
    CHECK(refused(mosb::oci::Registry::open(host, "app", {}, *http)).code() == Errc::kUsage);
  }
}
