#include <chrono>
#include <memory>

#include "mosb/oci/mirror_name.h"
#include "tests/oci/mirror_fixture.h"

using mosb::ByteCount;
using mosb::Errc;
using mosb::Error;
using mosb::Json;
using mosb::oci::Descriptor;
using mosb::oci::kImageIndex;
using mosb::oci::kNotarySignature;
using mosb::oci::MirrorName;
using mosb::oci::Place;
using mosb::test::blob_of;
using mosb::test::blob_rule;
using mosb::test::kApp;
using mosb::test::kManifest;
using mosb::test::manifest_rule;
using mosb::test::Mirrored;
using mosb::test::must;
using mosb::test::nobody;
using mosb::test::place;
using mosb::test::refused;
using mosb::test::serve;
using mosb::test::subject;
using mosb::test::tagged;
using namespace std::chrono_literals;

namespace {

Json referrers_rule(const std::vector<std::string>& contents) {
  Json entries = Json::array();
  for (const std::string& content : contents) {
    Descriptor entry = mosb::oci::describe(mosb::oci::kImageManifest, content);
    entry.artifact_type = kNotarySignature;
    entries.push_back(to_json(entry));
  }
  return {{"path", kApp + ("referrers/" + subject().digest.str() + "*")},
          {"headers", {{"Content-Type", kImageIndex}}},
          {"body", Json{{"schemaVersion", 2}, {"manifests", entries}}.dump()}};
}

}  // namespace

TEST_CASE("the first mirror that has it answers, and the registry is not asked", "[mirrors]") {
  const auto first = serve({});
  const auto second = serve({manifest_rule("1", kManifest), blob_rule("layer")});
  const auto registry = serve({manifest_rule("1", std::string(kManifest) + " ")});
  Mirrored all({place(first.host()), place(second.host())}, place(registry.host()));
  const Descriptor resolved = must(all.repository.resolve(tagged("1")));
  CHECK(resolved == subject());
  CHECK(must(all.repository.read_manifest(resolved)) == kManifest);
  CHECK(must(all.repository.read_blob(blob_of("layer"), ByteCount{10})) == "layer");
  CHECK(registry.requests().empty());
  CHECK(second.count("GET", kApp + std::string("manifests/")) == 1);
  REQUIRE_FALSE(all.left.empty());
  CHECK(all.left[0].starts_with(first.host() + "/app/web: "));
  CHECK(all.left[0].find("404") != std::string::npos);
}

TEST_CASE("a mirror that refuses, is busy or away is left for good", "[mirrors]") {
  std::vector<Json> answers;
  for (const int status : {401, 403, 429, 500, 503}) {
    answers.push_back({{"status", status}});
  }
  answers.push_back({{"status", 429}, {"headers", {{"Retry-After", "86400"}}}});
  answers.push_back({{"raw_base64", ""}});
  for (const Json& answer : answers) {
    INFO(answer.dump());
    const auto mirror = serve({answer});
    const auto registry = serve({manifest_rule("1", kManifest), blob_rule("layer")});
    Mirrored all({place(mirror.host())}, place(registry.host()));
    const auto start = std::chrono::steady_clock::now();
    CHECK(must(all.repository.resolve(tagged("1"))) == subject());
    const std::size_t asked = mirror.requests().size();
    CHECK(must(all.repository.read_blob(blob_of("layer"), ByteCount{10})) == "layer");
    CHECK(std::chrono::steady_clock::now() - start < 2s);
    CHECK(mirror.requests().size() == asked);
    CHECK(all.left.size() == 1);
  }
}

TEST_CASE("a mirror that never answers costs its own patience once", "[mirrors]") {
  const auto mirror = serve({{{"delay_ms", 60'000}}});
  const auto registry = serve({manifest_rule("1", kManifest), blob_rule("layer")});
  Mirrored all({place(mirror.host()), place(nobody())}, place(registry.host()));
  const auto start = std::chrono::steady_clock::now();
  CHECK(must(all.repository.resolve(tagged("1"))) == subject());
  CHECK(must(all.repository.read_blob(blob_of("layer"), ByteCount{10})) == "layer");
  CHECK(std::chrono::steady_clock::now() - start < 4s);
  CHECK(all.left.size() == 2);
}

TEST_CASE("a mirror that cannot be opened is left like one that is away", "[mirrors]") {
  const auto registry = serve({manifest_rule("1", kManifest)});
  const Place broken{"broken.example/app/web",
                     []() -> mosb::Result<std::unique_ptr<mosb::oci::Repository>> {
                       return Error(Errc::kUsage, "no certificate file");
                     }};
  Mirrored all({broken}, place(registry.host()));
  CHECK(must(all.repository.resolve(tagged("1"))) == subject());
  REQUIRE(all.left.size() == 1);
  CHECK(all.left[0] == "broken.example/app/web: no certificate file");
}

TEST_CASE("the error says what each place said, and its class is the registry's", "[mirrors]") {
  const auto first = serve({{{"status", 403}}});
  const auto registry = serve({});
  Mirrored all({place(first.host()), place(nobody())}, place(registry.host()));
  for (int i = 0; i < 2; ++i) {
    const auto error = refused(all.repository.resolve(tagged("1")));
    CHECK(error.code() == Errc::kNotFound);
    CHECK(error.message().find(registry.host()) != std::string::npos);
    CHECK(error.message().find("mirror " + first.host() + "/app/web: ") != std::string::npos);
    CHECK(error.message().find("403") != std::string::npos);
    CHECK(error.message().find("mirror " + nobody() + "/app/web: ") != std::string::npos);
  }
}

TEST_CASE("a tag means what the first place that answers says, asked once", "[mirrors]") {
  Json once = manifest_rule("1", kManifest);
  once["times"] = 1;
  const auto mirror = serve({once});
  const auto registry = serve({manifest_rule("1", std::string(kManifest) + " "),
                               manifest_rule(subject().digest.str(), kManifest)});
  Mirrored all({place(nobody()), place(mirror.host())}, place(registry.host()));
  const Descriptor resolved = must(all.repository.resolve(tagged("1")));
  CHECK(resolved == subject());
  CHECK(must(all.repository.read_manifest(resolved)) == kManifest);
  CHECK(mirror.count("GET", kApp + std::string("manifests/1")) == 1);
  CHECK(registry.requests().empty());
}

TEST_CASE("referrers are those of the place that resolved the tag, else of the next that has any",
          "[mirrors]") {
  const auto mirror = serve({manifest_rule("1", kManifest), referrers_rule({})});
  const auto second = serve({referrers_rule({"a"})});
  const auto registry = serve({manifest_rule("1", kManifest), referrers_rule({"b", "c"})});
  {
    Mirrored all({place(mirror.host())}, place(registry.host()));
    must(all.repository.resolve(tagged("1")));
    CHECK(must(all.repository.referrers(subject(), kNotarySignature)).size() == 2);
  }
  {
    // The tag is not on the second mirror: the registry resolved it and is asked first.
    Mirrored all({place(second.host())}, place(registry.host()));
    must(all.repository.resolve(tagged("1")));
    CHECK(must(all.repository.referrers(subject(), kNotarySignature)).size() == 2);
    CHECK(second.count("GET", kApp + std::string("referrers/")) == 0);
  }
}

TEST_CASE("no referrers anywhere is an empty list, also when the registry is away", "[mirrors]") {
  const auto mirror = serve({manifest_rule("1", kManifest), referrers_rule({})});
  Mirrored all({place(mirror.host())}, place(nobody()));
  must(all.repository.resolve(tagged("1")));
  CHECK(must(all.repository.referrers(subject(), kNotarySignature)).empty());
  REQUIRE(all.left.size() == 2);
  CHECK(all.left[1].starts_with(nobody()));
  Mirrored none({place(nobody())}, place(nobody()));
  CHECK(refused(none.repository.referrers(subject(), kNotarySignature)).code() == Errc::kNetwork);
}

TEST_CASE("what is pushed goes to the registry itself", "[mirrors]") {
  const auto mirror = serve({});
  const std::string digest = subject().digest.str();
  const auto registry = serve({{{"method", "PUT"}, {"status", 201}}});
  Mirrored all({place(mirror.host())}, place(registry.host()));
  CHECK(all.repository.push_manifest(subject(), kManifest, "1"));
  CHECK(mirror.requests().empty());
  CHECK(registry.count("PUT", kApp + std::string("manifests/1")) == 1);
}

TEST_CASE("a login goes to the place that it is for and to no other", "[mirrors]") {
  const Json ask{{"status", 401},
                 {"without", {"Authorization"}},
                 {"headers", {{"WWW-Authenticate", "Basic realm=x"}}}};
  const auto mirror = serve({ask, {{"status", 403}}});
  const auto registry = serve({ask, manifest_rule("1", kManifest)});
  Mirrored all(
      {place(mirror.host(), {.credentials = mosb::oci::Credentials{"mirror", "one", ""}})},
      place(registry.host(), {.credentials = mosb::oci::Credentials{"registry", "two", ""}}));
  CHECK(must(all.repository.resolve(tagged("1"))) == subject());
  // "mirror:one" and "registry:two"
  CHECK(mirror.requests().back()["headers"]["authorization"] == "Basic bWlycm9yOm9uZQ==");
  CHECK(registry.requests().back()["headers"]["authorization"] == "Basic cmVnaXN0cnk6dHdv");
}

TEST_CASE("a mirror is named by a host and a prefix", "[mirrors]") {
  CHECK(must(MirrorName::parse("mirror.example")) == MirrorName{"mirror.example", ""});
  const MirrorName name = must(MirrorName::parse("10.0.0.5:5000/proxy/hub"));
  CHECK(name.host == "10.0.0.5:5000");
  CHECK(name.repository("team/app") == "proxy/hub/team/app");
  CHECK(must(MirrorName::parse("mirror.example")).repository("app") == "app");
  for (const char* text : {"",
                           "/",
                           "mirror.example/",
                           "http://mirror.example",
                           "mirror.example/Upper",
                           "a b",
                           "mirror.example/../x",
                           "mirror.example//x",
                           "mirror.example/x?y",
                           "user@mirror.example"}) {
    INFO(text);
    CHECK(refused(MirrorName::parse(text)).code() == Errc::kUsage);
  }
}
