#include "mosb/base/base64.h"
#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "tests/oci/registry_fixture.h"

using mosb::ByteCount;
using mosb::Digest;
using mosb::Json;
using mosb::kMiB;
using mosb::oci::BlobSource;
using mosb::oci::Descriptor;
using mosb::oci::kImageManifest;
using mosb::oci::kNotarySignature;
using mosb::test::connect;
using mosb::test::in_turn;
using mosb::test::must;
using mosb::test::ScriptedRegistry;

namespace {

/// A message of tests/data/referrers-api.
struct Message {
  explicit Message(const std::string& name)
      : text(must(mosb::read_file(std::string(MOSB_TEST_DATA) + "/referrers-api/" + name,
                                  ByteCount{kMiB}))),
        body(text.substr(text.find("\r\n\r\n") + 4)) {
    const auto words = mosb::split(text.substr(0, text.find("\r\n")), ' ');
    method = words.at(0);
    path = words.at(1);
  }
  std::string text;
  std::string body;
  std::string method;
  std::string path;
};

/// Answers a request of the method and path that were recorded as it was answered then.
Json rule(const std::string& name) {
  const Message request(name + ".request");
  const Message response(name + ".response");
  return {{"method", request.method},
          {"path", request.path},
          {"raw_base64", mosb::base64_encode(std::as_bytes(std::span(response.text)))}};
}

/// The manifest that was signed: only its digest stands in what was recorded.
Descriptor subject(std::uint64_t size = 0) {
  const std::string path = Message("list-1.request").path;
  const std::size_t start = path.find("sha256:");
  return {.media_type = kImageManifest,
          .digest = must(Digest::parse(path.substr(start, path.find('?') - start))),
          .size = size};
}

}  // namespace

TEST_CASE("the pages of a real referrers API are read as it sent them", "[referrers]") {
  const auto server = must(ScriptedRegistry::start(in_turn({rule("list-1"), rule("list-2")})));
  const auto listed = must(connect(server.host())->referrers(subject(), kNotarySignature));
  REQUIRE(listed.size() == 4);
  CHECK(listed[0].digest == Digest::of(Message("notation-sign.request").body));
  CHECK(listed[3].digest == Digest::of(Message("sign-5.request").body));
  for (const Descriptor& entry : listed) {
    CHECK(entry.media_type == kImageManifest);
    CHECK(entry.artifact_type == kNotarySignature);
    CHECK(entry.annotations.contains("io.cncf.notary.x509chain.thumbprint#S256"));
  }
  CHECK(server.requests().size() == 2);
}

TEST_CASE("the empty list of a real referrers API needs no tag", "[referrers]") {
  Json none = rule("list-none");
  none["path"] = "*";
  const auto server = must(ScriptedRegistry::start(Json::array({none})));
  auto client = connect(server.host());
  CHECK(must(client->referrers(subject(), "")).empty());
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a signature is stored in a real referrers API with the requests that it took then",
          "[referrers]") {
  std::vector<std::string> names = {"sign-1", "sign-2", "sign-3", "sign-4", "sign-5"};
  std::vector<Json> rules;
  for (const std::string& name : names) {
    rules.push_back(rule(name));
  }
  const auto server = must(ScriptedRegistry::start(in_turn(rules)));
  auto client = connect(server.host());
  const std::string envelope = Message("sign-3.request").body;
  const std::string manifest = Message("sign-5.request").body;
  const Json document = must(mosb::json::parse(manifest, ByteCount{kMiB}));
  must(client->push_blob(mosb::oci::describe("application/jose+json", envelope),
                         BlobSource::bytes(envelope)));
  must(client->push_blob(mosb::oci::describe(kNotarySignature, "{}"), BlobSource::bytes("{}")));
  must(client->push_referrer(mosb::oci::describe(kImageManifest, manifest),
                             manifest,
                             subject(document["subject"]["size"].get<std::uint64_t>())));
  const std::vector<Json> requests = server.requests();
  REQUIRE(requests.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    INFO(names[i]);
    const Message recorded(names[i] + ".request");
    CHECK(requests[i]["method"] == recorded.method);
    CHECK(requests[i]["path"] == recorded.path);
    CHECK(requests[i]["sha256"] == Digest::of(recorded.body).hex());
  }
}
