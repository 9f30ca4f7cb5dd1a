#include "mosb/base/file.h"
#include "tests/oci/registry_fixture.h"

using mosb::Errc;
using mosb::Error;
using mosb::Json;
using mosb::TempDir;
using mosb::oci::BlobSource;
using mosb::oci::Descriptor;
using mosb::test::blob_of;
using mosb::test::blob_path;
using mosb::test::connect;
using mosb::test::in_turn;
using mosb::test::kApp;
using mosb::test::kManifest;
using mosb::test::must;
using mosb::test::refused;
using mosb::test::ScriptedRegistry;

namespace {

Json uploads_rule(const std::string& location) {
  return {{"method", "POST"},
          {"path", kApp + std::string("blobs/uploads/")},
          {"status", 202},
          {"headers", {{"Location", location}}}};
}

Json put_rule(const std::string& path, int status = 201) {
  return {{"method", "PUT"}, {"path", path}, {"status", status}};
}

}  // namespace

TEST_CASE("a blob is uploaded with one POST and one PUT of all its bytes", "[registry]") {
  const std::string bytes(300'000, 'b');
  const Descriptor blob = blob_of(bytes);
  const TempDir dir = must(TempDir::make("/tmp", "mosb-test-push-"));
  must(mosb::write_file_atomic(dir.path() + "/blob", bytes, 0600));
  for (const auto& source : {BlobSource::bytes(bytes), BlobSource::file(dir.path() + "/blob")}) {
    const auto server = must(ScriptedRegistry::start(
        Json::array({uploads_rule("/upload/1?state=a%2Fb"), put_rule("/upload/1*")})));
    must(connect(server.host())->push_blob(blob, source));
    const auto requests = server.requests();
    REQUIRE(requests.size() == 3);
    CHECK(requests[0]["method"] == "HEAD");
    CHECK(requests[1]["size"] == 0);
    CHECK(requests[2]["path"] == "/upload/1?state=a%2Fb&digest=sha256%3A" + blob.digest.hex());
    CHECK(requests[2]["sha256"] == blob.digest.hex());
    CHECK(requests[2]["size"] == bytes.size());
  }
}

TEST_CASE("an empty blob is uploaded too", "[registry]") {
  const auto server = must(
      ScriptedRegistry::start(Json::array({uploads_rule("/upload/1"), put_rule("/upload/1*")})));
  must(connect(server.host())->push_blob(blob_of(""), BlobSource::bytes("")));
  CHECK(server.count("PUT", "/upload/1?digest=") == 1);
}

TEST_CASE("a blob that is there is not uploaded", "[registry]") {
  const Descriptor blob = blob_of("there");
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"method", "HEAD"}, {"path", blob_path(blob)}, {"length", 5}}})));
  must(connect(server.host())->push_blob(blob, BlobSource::bytes("there")));
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a blob that is there with another size is an error", "[registry]") {
  const Descriptor blob = blob_of("there");
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"method", "HEAD"}, {"path", blob_path(blob)}, {"length", 6}}})));
  const Error error = refused(connect(server.host())->push_blob(blob, BlobSource::bytes("there")));
  CHECK(error.code() == Errc::kContent);
}

TEST_CASE("bytes that are not the blob's never arrive whole", "[registry]") {
  const Descriptor blob = blob_of("right");
  const auto server = must(
      ScriptedRegistry::start(Json::array({uploads_rule("/upload/1"), put_rule("/upload/1*")})));
  for (const char* bytes : {"wrong", "righ", ""}) {
    INFO(bytes);
    const Error error = refused(connect(server.host())->push_blob(blob, BlobSource::bytes(bytes)));
    CHECK(error.code() == Errc::kContent);
    CHECK(server.count("PUT", "/upload/1") == 0);  // logged once a request is complete
  }
}

TEST_CASE("an upload is not sent to another host, and nor is the login", "[registry]") {
  const auto other = must(ScriptedRegistry::start(Json::array({put_rule("*")})));
  const std::vector<std::string> locations = {"http://" + other.host() + "/upload",
                                              "http://localhost:@PORT@/upload",
                                              "https://127.0.0.1:@PORT@/upload",
                                              ""};
  std::vector<Json> rules;
  for (const std::string& location : locations) {
    rules.push_back(uploads_rule(location));
  }
  const auto server = must(ScriptedRegistry::start(in_turn(rules)));
  for (const std::string& location : locations) {
    INFO(location);
    const Error error =
        refused(connect(server.host())->push_blob(blob_of("x"), BlobSource::bytes("x")));
    CHECK(error.code() == Errc::kNetwork);
  }
  CHECK(server.count("PUT", "/") == 0);
  CHECK(other.requests().empty());
}

TEST_CASE("an upload whose login runs out in between starts again from its first byte",
          "[registry]") {
  const std::string bytes(200'000, 'b');
  const Descriptor blob = blob_of(bytes);
  Json expired = put_rule("/upload/1*", 401);
  expired["times"] = 1;
  expired["headers"] = {
      {"WWW-Authenticate", R"(Bearer realm="http://127.0.0.1:@PORT@/token",service="s")"}};
  const Json token = {{"path", "/token*"}, {"body", R"({"token":"abc"})"}};
  const auto server = must(ScriptedRegistry::start(
      Json::array({uploads_rule("/upload/1"), expired, token, put_rule("/upload/1*")})));
  must(connect(server.host())->push_blob(blob, BlobSource::bytes(bytes)));
  const Json last = server.requests().back();
  CHECK(last["sha256"] == blob.digest.hex());
  CHECK(last["headers"]["authorization"] == "Bearer abc");
  CHECK(server.requests().at(3)["path"].get<std::string>().find("pull%2Cpush") !=
        std::string::npos);
}

TEST_CASE("a manifest is put under its tag, or under its digest", "[registry]") {
  const Descriptor manifest = mosb::oci::describe(mosb::oci::kImageManifest, kManifest);
  const auto server = must(ScriptedRegistry::start(Json::array({put_rule("*")})));
  auto client = connect(server.host());
  must(client->push_manifest(manifest, kManifest, "1.0"));
  must(client->push_manifest(manifest, kManifest, std::nullopt));
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0]["path"] == "/v2/app/web/manifests/1.0");
  CHECK(requests[1]["path"] == "/v2/app/web/manifests/" + manifest.digest.str());
  CHECK(requests[0]["headers"]["content-type"] == mosb::oci::kImageManifest);
  CHECK(requests[0]["body"] == kManifest);
}

TEST_CASE("a manifest that is not its descriptor's is not pushed", "[registry]") {
  const auto server = must(ScriptedRegistry::start(Json::array({put_rule("*")})));
  const Descriptor other = mosb::oci::describe(mosb::oci::kImageManifest, "{}");
  CHECK(refused(connect(server.host())->push_manifest(other, kManifest, "1")).code() ==
        Errc::kContent);
  CHECK(server.requests().empty());
}

TEST_CASE("a refused push says what the registry said", "[registry]") {
  Json rule = put_rule("*", 403);
  rule["body"] = R"({"errors":[{"code":"DENIED","message":"read only"}]})";
  const auto server = must(ScriptedRegistry::start(Json::array({rule})));
  const Descriptor manifest = mosb::oci::describe(mosb::oci::kImageManifest, kManifest);
  const Error error = refused(connect(server.host())->push_manifest(manifest, kManifest, "1"));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("DENIED: read only") != std::string::npos);
}
