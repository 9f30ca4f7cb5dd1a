#include "mosb/oci/referrers.h"
#include "tests/oci/registry_fixture.h"

using mosb::Errc;
using mosb::Error;
using mosb::Json;
using mosb::oci::Descriptor;
using mosb::oci::kImageIndex;
using mosb::oci::kImageManifest;
using mosb::oci::kNotarySignature;
using mosb::test::connect;
using mosb::test::kApp;
using mosb::test::kManifest;
using mosb::test::must;
using mosb::test::refused;
using mosb::test::ScriptedRegistry;

namespace {

const Descriptor& subject() {
  static const Descriptor value = mosb::oci::describe(kImageManifest, kManifest);
  return value;
}

Json entry(const std::string& content, const std::string& artifact_type = kNotarySignature) {
  Descriptor descriptor = mosb::oci::describe(kImageManifest, content);
  descriptor.artifact_type = artifact_type;
  return to_json(descriptor);
}

std::string index_of(const std::vector<Json>& entries) {
  return Json{{"schemaVersion", 2}, {"mediaType", kImageIndex}, {"manifests", entries}}.dump();
}

std::string api_path() {
  return kApp + ("referrers/" + subject().digest.str());
}

const std::string kFilter = "?artifactType=application%2Fvnd.cncf.notary.signature";

std::string tag_path() {
  return kApp + ("manifests/sha256-" + subject().digest.hex());
}

Json api_rule(const std::vector<Json>& entries, const std::string& path = api_path() + kFilter) {
  return {
      {"path", path}, {"headers", {{"Content-Type", kImageIndex}}}, {"body", index_of(entries)}};
}

Json tag_rule(const std::vector<Json>& entries) {
  return {{"method", "GET"},
          {"path", tag_path()},
          {"headers", {{"Content-Type", kImageIndex}}},
          {"body", index_of(entries)}};
}

std::vector<std::string> digests(const std::vector<Descriptor>& list) {
  std::vector<std::string> out;
  for (const Descriptor& descriptor : list) {
    out.push_back(descriptor.digest.str());
  }
  return out;
}

std::string digest_of(const std::string& content) {
  return mosb::Digest::of(content).str();
}

auto list(const ScriptedRegistry& server) {
  return connect(server.host())->referrers(subject(), kNotarySignature);
}

/// A signature manifest of `subject()`, and its descriptor.
const std::string kSignature =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
    R"("config":{"mediaType":"application/vnd.cncf.notary.signature","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},)"
    R"("layers":[],"annotations":{"k":"v"}})";

Descriptor signature() {
  return mosb::oci::describe(kImageManifest, kSignature);
}

Json signature_entry() {
  return {{"mediaType", kImageManifest},
          {"digest", signature().digest.str()},
          {"size", kSignature.size()},
          {"annotations", {{"k", "v"}}},
          {"artifactType", kNotarySignature}};
}

}  // namespace

TEST_CASE("the referrers API is asked first, filtered and kept in order", "[referrers]") {
  const auto server = must(ScriptedRegistry::start(Json::array(
      {api_rule({entry("b"), entry("x", "text/sbom"), entry("a")}), tag_rule({entry("tag")})})));
  CHECK(digests(must(list(server))) == std::vector{digest_of("b"), digest_of("a")});
  CHECK(server.requests().size() == 1);
}

TEST_CASE("an entry without an artifact type is invisible", "[referrers]") {
  Json bare = entry("a");
  bare.erase("artifactType");
  const auto server = must(ScriptedRegistry::start(Json::array({api_rule({bare})})));
  CHECK(must(list(server)).empty());
}

TEST_CASE("pages are followed in order", "[referrers]") {
  Json first = api_rule({entry("1")});
  first["headers"]["Link"] = "<" + api_path() + "?page=2>; rel=\"next\"";
  const auto server = must(ScriptedRegistry::start(
      Json::array({first, api_rule({entry("2")}, api_path() + "?page=2")})));
  CHECK(digests(must(list(server))) == std::vector{digest_of("1"), digest_of("2")});
}

TEST_CASE("pages without end are given up after ten", "[referrers]") {
  Json page = api_rule({entry("1")}, api_path() + "*");
  page["headers"]["Link"] = "<" + api_path() + "?page=x>; rel=\"next\"";
  const auto server = must(ScriptedRegistry::start(Json::array({page})));
  const Error error = refused(list(server));
  CHECK(error.code() == Errc::kContent);
  CHECK(server.requests().size() == 10);
}

TEST_CASE("a next page on another host is refused", "[referrers]") {
  const auto other = must(ScriptedRegistry::start(Json::array()));
  for (const std::string& link : std::vector<std::string>{
           "http://" + other.host() + "/v2/", "//localhost:@PORT@/", "https://127.0.0.1:@PORT@/"}) {
    INFO(link);
    Json page = api_rule({entry("1")});
    page["headers"]["Link"] = "<" + link + ">; rel=\"next\"";
    const auto server = must(ScriptedRegistry::start(Json::array({page})));
    CHECK(refused(list(server)).code() == Errc::kNetwork);
  }
  CHECK(other.requests().empty());
}

TEST_CASE("without the API the index under the referrers tag counts", "[referrers]") {
  const Json no_api = {{"path", api_path() + "*"}, {"status", 404}, {"body", "404 page not found"}};
  const Json other_type = {{"path", api_path() + "*"},
                           {"headers", {{"Content-Type", "application/json"}}},
                           {"body", index_of({entry("api")})}};
  for (const Json& rule : {no_api, other_type}) {
    const auto server = must(ScriptedRegistry::start(
        Json::array({rule, tag_rule({entry("x", "text/sbom"), entry("tag")})})));
    CHECK(digests(must(list(server))) == std::vector{digest_of("tag")});
  }
}

TEST_CASE("neither API nor tag means no referrers", "[referrers]") {
  const auto server = must(ScriptedRegistry::start(Json::array()));
  auto client = connect(server.host());
  CHECK(must(client->referrers(subject(), kNotarySignature)).empty());
  CHECK(must(client->referrers(subject(), kNotarySignature)).empty());
  CHECK(server.count("GET", api_path()) == 1);  // asked once whether there is an API
}

TEST_CASE("other failures of the referrers API do not fall back to the tag", "[referrers]") {
  for (const Json& rule : {Json{{"path", api_path() + "*"}, {"status", 500}},
                           Json{{"path", api_path() + "*"}, {"status", 403}},
                           Json{{"path", api_path() + "*"},
                                {"status", 404},
                                {"body", R"({"errors":[{"code":"NAME_UNKNOWN"}]})"}}}) {
    INFO(rule.dump());
    const auto server =
        must(ScriptedRegistry::start(Json::array({rule, tag_rule({entry("tag")})})));
    CHECK_FALSE(list(server));
    CHECK(server.count("GET", tag_path()) == 0);
  }
}

TEST_CASE("a list of referrers that is none is refused", "[referrers]") {
  for (const char* body :
       {"",
        "[]",
        "{\"manifests\":{}}",
        "{\"manifests\":[7]}",
        R"({"mediaType":"text/plain","manifests":[]})",
        R"({"manifests":[{"artifactType":"application/vnd.cncf.notary.signature"}]})"}) {
    INFO(body);
    Json rule = api_rule({});
    rule["body"] = body;
    const auto server = must(ScriptedRegistry::start(Json::array({rule})));
    const auto listed = list(server);
    if (std::string(body) == "{\"manifests\":[7]}") {
      CHECK((!listed || listed->empty()));
      continue;
    }
    CHECK(refused(listed).code() == Errc::kContent);
  }
}

TEST_CASE("a list of referrers beyond four megabytes is refused, by the API and by the tag",
          "[referrers]") {
  const Json no_api = {{"path", api_path() + "*"}, {"status", 404}};
  for (const Json& size : {Json{{"fill", 4 * mosb::kMiB + 1}},
                           Json{{"length", 10'000'000'000}},
                           Json{{"endless", true}}}) {
    INFO(size.dump());
    Json api = api_rule({});
    api.update(size);
    Json tag = tag_rule({});
    tag.update(size);
    const auto by_api = must(ScriptedRegistry::start(Json::array({api})));
    CHECK(refused(list(by_api)).code() == Errc::kContent);
    const auto by_tag = must(ScriptedRegistry::start(Json::array({no_api, tag})));
    CHECK(refused(list(by_tag)).code() == Errc::kContent);
  }
}

TEST_CASE("a registry that answers OCI-Subject lists the referrer itself", "[referrers]") {
  const Json put = {{"method", "PUT"},
                    {"path", kApp + ("manifests/" + signature().digest.str())},
                    {"status", 201},
                    {"headers", {{"OCI-Subject", subject().digest.str()}}}};
  const auto server = must(ScriptedRegistry::start(Json::array({put})));
  must(connect(server.host())->push_referrer(signature(), kSignature, subject()));
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a registry that takes the subject for another is not believed", "[referrers]") {
  const Json put = {
      {"method", "PUT"}, {"status", 201}, {"headers", {{"OCI-Subject", digest_of("other")}}}};
  const auto server = must(ScriptedRegistry::start(Json::array({put})));
  CHECK(refused(connect(server.host())->push_referrer(signature(), kSignature, subject())).code() ==
        Errc::kContent);
}

TEST_CASE("the index under the tag keeps its other entries and their order", "[referrers]") {
  Json odd = entry("odd");
  odd["x-unknown"] = {1, 2};
  const std::vector<Json> old = {odd, entry("a"), Json::object(), entry("a")};
  const std::vector<Json> extended = {odd, entry("a"), signature_entry()};
  Json before = tag_rule(old);
  before["times"] = 1;
  const auto server =
      must(ScriptedRegistry::start(Json::array({{{"method", "PUT"}, {"status", 201}},
                                                before,
                                                tag_rule(extended),
                                                {{"method", "DELETE"}, {"status", 202}}})));
  must(connect(server.host())->push_referrer(signature(), kSignature, subject()));
  const auto requests = server.requests();
  REQUIRE(requests.size() == 5);
  CHECK(requests[0]["path"] == kApp + ("manifests/" + signature().digest.str()));
  CHECK(requests[2]["path"] == tag_path());
  CHECK(requests[2]["headers"]["content-type"] == kImageIndex);
  CHECK(Json::parse(requests[2]["body"].get<std::string>()) ==
        Json{{"schemaVersion", 2}, {"mediaType", kImageIndex}, {"manifests", extended}});
  CHECK(requests[4]["method"] == "DELETE");
  CHECK(requests[4]["path"] == kApp + ("manifests/" + digest_of(index_of(old))));
}

TEST_CASE("the first referrer makes the index", "[referrers]") {
  Json none = {{"method", "GET"}, {"status", 404}, {"times", 1}};
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"method", "PUT"}, {"status", 201}}, none, tag_rule({signature_entry()})})));
  must(connect(server.host())->push_referrer(signature(), kSignature, subject()));
  CHECK(Json::parse(server.requests().at(2)["body"].get<std::string>())["manifests"] ==
        Json::array({signature_entry()}));
  CHECK(server.count("DELETE", "/") == 0);
}

TEST_CASE("an entry that is there already changes nothing", "[referrers]") {
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"method", "PUT"}, {"status", 201}}, tag_rule({signature_entry()})})));
  must(connect(server.host())->push_referrer(signature(), kSignature, subject()));
  CHECK(server.count("PUT", tag_path()) == 0);
}

TEST_CASE("an entry that another writer's index drops is added again", "[referrers]") {
  Json empty = tag_rule({});
  empty["times"] = 1;
  Json others = tag_rule({entry("other")});
  others["times"] = 1;
  const auto server =
      must(ScriptedRegistry::start(Json::array({{{"method", "PUT"}, {"status", 201}},
                                                empty,
                                                others,
                                                tag_rule({entry("other"), signature_entry()})})));
  must(connect(server.host())->push_referrer(signature(), kSignature, subject()));
  CHECK(server.count("PUT", tag_path()) == 2);
  Json last;
  for (const Json& request : server.requests()) {
    last = request["method"] == "PUT" ? request : last;
  }
  CHECK(Json::parse(last["body"].get<std::string>())["manifests"] ==
        Json::array({entry("other"), signature_entry()}));
}

TEST_CASE("an entry that is removed again and again is an error", "[referrers]") {
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"method", "PUT"}, {"status", 201}}, tag_rule({entry("other")})})));
  const Error error =
      refused(connect(server.host())->push_referrer(signature(), kSignature, subject()));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(server.count("PUT", tag_path()) == 8);
}

TEST_CASE("an index under the tag that is none is not overwritten", "[referrers]") {
  Json broken = tag_rule({});
  broken["body"] = R"({"manifests":"x"})";
  Json image = tag_rule({});
  image["headers"]["Content-Type"] = kImageManifest;
  Json odd = tag_rule({7});
  for (const Json& rule : {broken, image, odd}) {
    INFO(rule.dump());
    const auto server =
        must(ScriptedRegistry::start(Json::array({{{"method", "PUT"}, {"status", 201}}, rule})));
    CHECK(
        refused(connect(server.host())->push_referrer(signature(), kSignature, subject())).code() ==
        Errc::kContent);
    CHECK(server.count("PUT", tag_path()) == 0);
  }
}
