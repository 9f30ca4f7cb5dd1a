#include <chrono>

#include "tests/oci/registry_fixture.h"

using mosb::ByteCount;
using mosb::Errc;
using mosb::Json;
using mosb::kMiB;
using mosb::oci::Descriptor;
using mosb::oci::RegistryOptions;
using mosb::test::blob_of;
using mosb::test::blob_path;
using mosb::test::in_turn;
using mosb::test::kApp;
using mosb::test::kManifest;
using mosb::test::manifest_rule;
using mosb::test::must;
using mosb::test::refused;
using mosb::test::RegistryClient;
using mosb::test::ScriptedRegistry;
using mosb::test::tagged;
using namespace std::chrono_literals;

namespace {

/// A client that asks up to four times, soon.
RegistryClient patient(const ScriptedRegistry& server, std::chrono::milliseconds longest = 30s) {
  RegistryOptions options{.insecure = true};
  options.retries = {.attempts = 4, .first_pause = 1ms, .longest_pause = longest};
  auto http = must(mosb::oci::make_curl_http_client());
  auto registry = must(mosb::oci::Registry::open(server.host(), "app/web", options, *http));
  return {std::move(http), std::move(registry)};
}

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<char>('a' + i % 23);
  }
  return bytes;
}

/// Answers for the rest of `bytes` from `offset` on.
Json rest_of(const std::string& bytes, std::size_t offset) {
  const std::string range = "bytes " + std::to_string(offset) + "-" +
                            std::to_string(bytes.size() - 1) + "/" + std::to_string(bytes.size());
  return {{"when", {{"Range", "bytes=" + std::to_string(offset) + "-"}}},
          {"status", 206},
          {"headers", {{"Content-Range", range}}},
          {"body", bytes.substr(offset)}};
}

Json cut(Json rule, std::size_t bytes) {
  rule["cut_after"] = bytes;
  return rule;
}

}  // namespace

TEST_CASE("a blob that was cut is gone on with where it was cut", "[oci]") {
  const std::string bytes = some_bytes(100'000);
  const Descriptor blob = blob_of(bytes);
  const auto server = must(ScriptedRegistry::start(in_turn({cut({{"body", bytes}}, 30'000),
                                                            cut(rest_of(bytes, 30'000), 50'000),
                                                            rest_of(bytes, 80'000)})));
  CHECK(must(patient(server)->read_blob(blob, ByteCount{kMiB})) == bytes);
  CHECK(server.count("GET", blob_path(blob)) == 3);
}

TEST_CASE("a token that expires while a blob is gone on with is asked for again", "[oci]") {
  const std::string bytes = some_bytes(1000);
  const Descriptor blob = blob_of(bytes);
  const Json challenge{
      {"status", 401},
      {"headers", {{"WWW-Authenticate", R"(Bearer realm="http://127.0.0.1:@PORT@/token")"}}}};
  Json rest = rest_of(bytes, 300);
  rest["when"]["Authorization"] = "Bearer second";
  const auto server = must(
      ScriptedRegistry::start(in_turn({cut({{"body", bytes}}, 300),
                                       challenge,
                                       {{"path", "/token*"}, {"body", R"({"token":"second"})"}},
                                       rest})));
  CHECK(must(patient(server)->read_blob(blob, ByteCount{kMiB})) == bytes);
  CHECK(server.count("GET", blob_path(blob)) == 3);
}

TEST_CASE("a registry that knows no ranges sends all again, and its beginning is dropped",
          "[oci]") {
  const std::string bytes = some_bytes(100'000);
  const Descriptor blob = blob_of(bytes);
  const auto server = must(ScriptedRegistry::start(
      in_turn({cut({{"body", bytes}}, 30'001), {{"body", bytes}, {"piece", 7'000}}})));
  CHECK(must(patient(server)->read_blob(blob, ByteCount{kMiB})) == bytes);
}

TEST_CASE("a blob that changed while it was cut is refused by its digest", "[oci]") {
  const std::string bytes = some_bytes(1000);
  const std::string other(1000, 'x');
  const auto server =
      must(ScriptedRegistry::start(in_turn({cut({{"body", bytes}}, 300), rest_of(other, 300)})));
  const auto error = refused(patient(server)->read_blob(blob_of(bytes), ByteCount{kMiB}));
  CHECK(error.code() == Errc::kContent);
}

TEST_CASE("another range than the one asked for is refused", "[oci]") {
  const std::string bytes = some_bytes(1000);
  for (const char* range : {"bytes 299-999/1000",
                            "bytes 300-998/1000",
                            "bytes 300-999/1001",
                            "bytes 300-999",
                            "300-999/1000",
                            ""}) {
    INFO(range);
    Json rule = rest_of(bytes, 300);
    rule["headers"]["Content-Range"] = range;
    const auto server = must(ScriptedRegistry::start(in_turn({cut({{"body", bytes}}, 300), rule})));
    const auto error = refused(patient(server)->read_blob(blob_of(bytes), ByteCount{kMiB}));
    CHECK(error.code() == Errc::kNetwork);
    CHECK(error.message().find("Content-Range") != std::string::npos);
  }
}

TEST_CASE("a part that nobody asked for is refused", "[oci]") {
  const std::string bytes = some_bytes(1000);
  const auto server = must(ScriptedRegistry::start(in_turn(
      {{{"status", 206}, {"headers", {{"Content-Range", "bytes 0-999/1000"}}}, {"body", bytes}}})));
  const auto error = refused(patient(server)->read_blob(blob_of(bytes), ByteCount{kMiB}));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("206") != std::string::npos);
}

TEST_CASE("a blob that is cut without getting further is given up after four attempts", "[oci]") {
  const std::string bytes = some_bytes(1000);
  const Descriptor blob = blob_of(bytes);
  const auto server = must(ScriptedRegistry::start(Json::array(
      {cut({{"body", bytes}, {"without", {"range"}}}, 300), cut(rest_of(bytes, 300), 0)})));
  CHECK(refused(patient(server)->read_blob(blob, ByteCount{kMiB})).code() == Errc::kNetwork);
  CHECK(server.count("GET", blob_path(blob)) == 1 + 3);
}

TEST_CASE("a registry that is busy for now is asked again", "[oci]") {
  for (const int status : {429, 500, 502, 503, 504}) {
    INFO(status);
    const auto server = must(ScriptedRegistry::start(
        in_turn({{{"status", status}}, {{"status", status}}, manifest_rule("1", kManifest)})));
    CHECK(patient(server)->resolve(tagged("1")));
  }
}

TEST_CASE("a registry that stays busy is asked four times, and its last word is the error",
          "[oci]") {
  const auto server = must(ScriptedRegistry::start(Json::array({{{"status", 503}}})));
  const auto error = refused(patient(server)->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("503") != std::string::npos);
  CHECK(server.count("GET", std::string(kApp) + "manifests/1") == 4);
}

TEST_CASE("what is final is not asked for again", "[oci]") {
  for (const int status : {400, 403, 404, 410, 416, 501}) {
    INFO(status);
    const auto server = must(ScriptedRegistry::start(Json::array({{{"status", status}}})));
    (void)refused(patient(server)->resolve(tagged("1")));
    CHECK(server.count("GET", std::string(kApp) + "manifests/1") == 1);
  }
}

TEST_CASE("a registry's own wish for a pause is kept, up to a limit", "[oci]") {
  const Json wish{{"status", 429}, {"headers", {{"Retry-After", "1"}}}};
  const auto server = must(ScriptedRegistry::start(in_turn({wish, manifest_rule("1", kManifest)})));
  const auto start = std::chrono::steady_clock::now();
  CHECK(patient(server)->resolve(tagged("1")));
  CHECK(std::chrono::steady_clock::now() - start >= 1s);

  const auto slow = must(ScriptedRegistry::start(in_turn({wish, manifest_rule("1", kManifest)})));
  const auto error = refused(patient(slow, 999ms)->resolve(tagged("1")));
  CHECK(error.message().find("429") != std::string::npos);
  CHECK(slow.count("GET", std::string(kApp) + "manifests/1") == 1);
}

TEST_CASE("a wish for a pause beyond all measure is not waited for, and a date is none", "[oci]") {
  for (const char* wish : {"86401", "1000000000000", "99999999999999999999999"}) {
    INFO(wish);
    const auto server = must(ScriptedRegistry::start(
        Json::array({{{"status", 503}, {"headers", {{"Retry-After", wish}}}}})));
    (void)refused(patient(server)->resolve(tagged("1")));
    CHECK(server.count("GET", std::string(kApp) + "manifests/1") == 1);
  }
  for (const char* wish : {"Fri, 31 Dec 9999 23:59:59 GMT", "-1", "1.5", "soon", ""}) {
    INFO(wish);
    const auto server = must(ScriptedRegistry::start(in_turn(
        {{{"status", 503}, {"headers", {{"Retry-After", wish}}}}, manifest_rule("1", kManifest)})));
    CHECK(patient(server)->resolve(tagged("1")));
  }
}

TEST_CASE("a server that never answered is not asked twice", "[oci]") {
  const auto server = must(ScriptedRegistry::start(Json::array({{{"raw_base64", ""}}})));
  CHECK(refused(patient(server)->resolve(tagged("1"))).code() == Errc::kNetwork);
  CHECK(server.count("GET", std::string(kApp) + "manifests/1") == 1);
}

TEST_CASE("a connection that is lost between two requests is made again", "[oci]") {
  const std::string bytes = some_bytes(1000);
  const auto server = must(ScriptedRegistry::start(
      in_turn({manifest_rule("1", kManifest), {{"raw_base64", ""}}, {{"body", bytes}}})));
  RegistryClient client = patient(server);
  REQUIRE(client->resolve(tagged("1")));
  CHECK(must(client->read_blob(blob_of(bytes), ByteCount{kMiB})) == bytes);
}

TEST_CASE("what writes is never made again", "[oci]") {
  const std::string bytes = some_bytes(1000);
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"method", "HEAD"}, {"status", 404}}, {{"method", "POST"}, {"status", 503}}})));
  (void)refused(patient(server)->push_blob(blob_of(bytes), mosb::oci::BlobSource::bytes(bytes)));
  CHECK(server.count("POST", std::string(kApp) + "blobs/uploads/") == 1);
}

TEST_CASE("a server that gave no answer is not asked by the next client that knows", "[oci]") {
  mosb::oci::UnreachableHosts unreachable;
  RegistryOptions options{.insecure = true};
  options.retries = {.attempts = 1, .unreachable = &unreachable};
  const auto ask = [&](const ScriptedRegistry& server) {
    auto http = must(mosb::oci::make_curl_http_client());
    auto registry = must(mosb::oci::Registry::open(server.host(), "app/web", options, *http));
    return registry.resolve(tagged("1"));
  };
  const auto silent = must(ScriptedRegistry::start(Json::array({{{"raw_base64", ""}}})));
  CHECK(refused(ask(silent)).code() == Errc::kNetwork);
  const std::size_t asked = silent.requests().size();
  const mosb::Error again = refused(ask(silent));
  CHECK(again.code() == Errc::kNetwork);
  CHECK(again.message().find(silent.host() + " gave no answer before") != std::string::npos);
  CHECK(silent.requests().size() == asked);

  const auto busy =
      must(ScriptedRegistry::start(in_turn({{{"status", 503}}, manifest_rule("1", kManifest)})));
  CHECK(refused(ask(busy)).code() == Errc::kNetwork);
  CHECK(ask(busy).has_value());
}
