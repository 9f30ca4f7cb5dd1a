#include "mosb/oci/auth.h"

#include "tests/oci/registry_fixture.h"

using mosb::Errc;
using mosb::Error;
using mosb::Json;
using mosb::oci::parse_www_authenticate;
using mosb::oci::RegistryOptions;
using mosb::test::connect;
using mosb::test::in_turn;
using mosb::test::kManifest;
using mosb::test::manifest_rule;
using mosb::test::must;
using mosb::test::refused;
using mosb::test::ScriptedRegistry;
using mosb::test::tagged;

namespace {

const mosb::oci::Credentials kAlice{"alice", "s3cret", ""};
constexpr char kAliceBasic[] = "Basic YWxpY2U6czNjcmV0";

/// A 401 with the given challenge for everything below /v2/.
Json challenge(const std::string& value) {
  return {{"path", "/v2/*"},
          {"status", 401},
          {"headers", {{"WWW-Authenticate", value}}},
          {"body", R"({"errors":[{"code":"UNAUTHORIZED"}]})"}};
}

std::string bearer(const std::string& realm) {
  return "Bearer realm=\"" + realm + R"(",service="the registry",scope="repository:other:push")";
}

/// The manifest for whoever sends this Authorization.
Json manifest_for(const std::string& authorization) {
  Json rule = manifest_rule("1", kManifest);
  rule["when"] = {{"Authorization", authorization}};
  return rule;
}

Json token_rule(const std::string& body) {
  return {{"path", "/token*"}, {"headers", {{"Content-Type", "application/json"}}}, {"body", body}};
}

std::string authorization_of(const Json& request) {
  return request["headers"].value("authorization", "");
}

}  // namespace

TEST_CASE("challenges are read as RFC 7235 writes them", "[auth]") {
  const auto one = must(parse_www_authenticate(
      R"(Bearer realm="https://auth.example/token?a=b,c",service="reg \"x\"",scope="s")"));
  REQUIRE(one.size() == 1);
  CHECK(one[0].scheme == "bearer");
  CHECK(one[0].parameters.at("realm") == "https://auth.example/token?a=b,c");
  CHECK(one[0].parameters.at("service") == "reg \"x\"");

  const auto two = must(parse_www_authenticate(R"(Basic realm=x, BEARER Realm = "y" , a=b)"));
  REQUIRE(two.size() == 2);
  CHECK(two[0].scheme == "basic");
  CHECK(two[1].parameters.at("realm") == "y");
  CHECK(two[1].parameters.at("a") == "b");

  const auto other = must(parse_www_authenticate("Negotiate, NTLM abc==, Basic realm=\"r\""));
  REQUIRE(other.size() == 3);
  CHECK(other[1].scheme == "ntlm");
  CHECK(other[2].parameters.at("realm") == "r");
}

TEST_CASE("a malformed challenge is refused", "[auth]") {
  for (const char* value : {"=x",
                            "Bearer realm=\"x",
                            "Bearer realm=\"x\\",
                            R"(Bearer realm="x",realm="y")",
                            R"(Bearer realm="x" service="y")",
                            "Bearer realm=\"x\",service=,",
                            "\x01"}) {
    INFO(value);
    CHECK(refused(parse_www_authenticate(value)).code() == Errc::kNetwork);
  }
  CHECK_FALSE(parse_www_authenticate(std::string(9000, 'a')));
}

TEST_CASE("nothing is sent with the first request, and a user name and password after a 401",
          "[auth]") {
  const auto server = must(ScriptedRegistry::start(
      Json::array({manifest_for(kAliceBasic), challenge("Basic realm=\"test\"")})));
  auto client = connect(server.host(), {.insecure = true, .credentials = kAlice});
  must(client->resolve(tagged("1")));
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(authorization_of(requests[0]).empty());
  CHECK(authorization_of(requests[1]) == kAliceBasic);

  must(client->resolve(tagged("1")));
  CHECK(server.requests().size() == 3);
}

TEST_CASE("a registry that asks for a login names the next step", "[auth]") {
  const auto server =
      must(ScriptedRegistry::start(Json::array({challenge("Basic realm=\"test\"")})));
  auto client = connect(server.host());
  const Error error = refused(client->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.hint().find("skopeo login " + server.host()) != std::string::npos);
}

TEST_CASE("a refused password is tried once", "[auth]") {
  const auto server =
      must(ScriptedRegistry::start(Json::array({challenge("Basic realm=\"test\"")})));
  auto client = connect(server.host(), {.insecure = true, .credentials = kAlice});
  const Error error = refused(client->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("s3cret") == std::string::npos);
  CHECK(server.requests().size() == 2);
}

TEST_CASE("a token is asked for with the scope of this repository, whatever the challenge says",
          "[auth]") {
  const auto server = must(ScriptedRegistry::start(
      Json::array({manifest_for("Bearer abc.def"),
                   challenge(bearer("http://127.0.0.1:@PORT@/token?a=b")),
                   token_rule(R"({"token":"abc.def","expires_in":300})")})));
  auto client = connect(server.host(), {.insecure = true, .credentials = kAlice});
  must(client->resolve(tagged("1")));
  const auto requests = server.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[1]["path"] ==
        "/token?a=b&service=the%20registry&scope=repository%3Aapp%2Fweb%3Apull");
  CHECK(authorization_of(requests[1]) == kAliceBasic);
  CHECK(authorization_of(requests[2]) == "Bearer abc.def");
}

TEST_CASE("without credentials a token is asked for anonymously", "[auth]") {
  const auto server =
      must(ScriptedRegistry::start(Json::array({manifest_for("Bearer abc"),
                                                challenge(bearer("http://127.0.0.1:@PORT@/token")),
                                                token_rule(R"({"access_token":"abc"})")})));
  auto client = connect(server.host());
  must(client->resolve(tagged("1")));
  CHECK(authorization_of(server.requests().at(1)).empty());
}

TEST_CASE("an expired token is replaced once", "[auth]") {
  Json first = manifest_for("Bearer abc");
  first["times"] = 1;
  const auto server =
      must(ScriptedRegistry::start(Json::array({first,
                                                challenge(bearer("http://127.0.0.1:@PORT@/token")),
                                                token_rule(R"({"token":"abc"})")})));
  auto client = connect(server.host());
  must(client->resolve(tagged("1")));
  const Error error = refused(client->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(server.count("GET", "/token") == 2);
}

TEST_CASE("an identity token is exchanged by a form and never stands in a URL", "[auth]") {
  const auto server =
      must(ScriptedRegistry::start(Json::array({manifest_for("Bearer abc"),
                                                challenge(bearer("http://127.0.0.1:@PORT@/token")),
                                                token_rule(R"({"access_token":"abc"})")})));
  auto client =
      connect(server.host(),
              {.insecure = true, .credentials = mosb::oci::Credentials{"", "", "refresh/me"}});
  must(client->resolve(tagged("1")));
  const Json token_request = server.requests().at(1);
  CHECK(token_request["method"] == "POST");
  CHECK(token_request["path"] == "/token");
  CHECK(authorization_of(token_request).empty());
  CHECK(token_request["body"] ==
        "grant_type=refresh_token&client_id=mosb&service=the%20registry"
        "&scope=repository%3Aapp%2Fweb%3Apull&refresh_token=refresh%2Fme");
}

TEST_CASE("a token server on another host gets nothing unless it is configured", "[auth]") {
  const auto other = must(ScriptedRegistry::start(Json::array({token_rule(R"({"token":"abc"})")})));
  const auto server = must(ScriptedRegistry::start(
      Json::array({manifest_for("Bearer abc"),
                   challenge(bearer("http://localhost:" + other.port() + "/token"))})));
  RegistryOptions options{.insecure = true, .credentials = kAlice};
  const Error error = refused(connect(server.host(), options)->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.hint().find("trusted_realms") != std::string::npos);
  CHECK(other.requests().empty());

  options.trusted_realms = {"localhost:" + other.port()};
  must(connect(server.host(), options)->resolve(tagged("1")));
  CHECK(other.requests().size() == 1);
}

TEST_CASE("a realm that is no URL, or not of HTTP, is refused", "[auth]") {
  const std::vector<std::string> realms = {
      "", "/token", "file:///etc/passwd", "http://alice:x@127.0.0.1:@PORT@/token"};
  std::vector<Json> rules;
  for (const std::string& realm : realms) {
    rules.push_back(challenge(bearer(realm)));
  }
  const auto server = must(ScriptedRegistry::start(in_turn(rules)));
  for (const std::string& realm : realms) {
    INFO(realm);
    auto client = connect(server.host(), {.insecure = true, .credentials = kAlice});
    CHECK(refused(client->resolve(tagged("1"))).code() == Errc::kNetwork);
  }
  CHECK(server.requests().size() == realms.size());
}

TEST_CASE("a token server's redirect is not followed", "[auth]") {
  const auto other = must(ScriptedRegistry::start(Json::array()));
  const Json redirect = {{"path", "/token*"},
                         {"status", 302},
                         {"headers", {{"Location", "http://" + other.host() + "/token"}}}};
  const auto server = must(ScriptedRegistry::start(
      Json::array({challenge(bearer("http://127.0.0.1:@PORT@/token")), redirect})));
  auto client = connect(server.host(), {.insecure = true, .credentials = kAlice});
  CHECK(refused(client->resolve(tagged("1"))).code() == Errc::kNetwork);
  CHECK(other.requests().empty());
}

TEST_CASE("a token answer that is too large, or no token, is refused", "[auth]") {
  const Json head = {{"path", "/token*"}};
  Json huge = head;
  huge["fill"] = 64 * 1024 + 1;
  Json endless = head;
  endless["endless"] = true;
  Json lie = token_rule(R"({"token":"abc"})");
  lie["length"] = 10'000'000'000;
  const std::vector<Json> rules = {huge,
                                   endless,
                                   lie,
                                   token_rule("no JSON"),
                                   token_rule("{}"),
                                   token_rule(R"({"token":""})"),
                                   token_rule(R"({"token":"a\r\nX-Evil: b"})")};
  Json script = in_turn(rules);
  script.push_back(challenge(bearer("http://127.0.0.1:@PORT@/token")));
  const auto server = must(ScriptedRegistry::start(script));
  for (std::size_t i = 0; i < rules.size(); ++i) {
    INFO("rule " << i);
    CHECK(refused(connect(server.host())->resolve(tagged("1"))).code() == Errc::kContent);
  }
  CHECK(server.count("GET", "/token") == rules.size());
}

TEST_CASE("a host that the registry redirects to cannot ask for the credentials", "[auth]") {
  const auto other = must(ScriptedRegistry::start(
      Json::array({{{"status", 401}, {"headers", {{"WWW-Authenticate", "Basic realm=x"}}}}})));
  const Json redirect = {
      {"path", "/v2/*"},
      {"status", 307},
      {"headers", {{"Location", "http://localhost:" + other.port() + "/storage"}}}};
  const auto server = must(ScriptedRegistry::start(Json::array({redirect})));
  auto client = connect(server.host(), {.insecure = true, .credentials = kAlice});
  CHECK(refused(client->resolve(tagged("1"))).code() == Errc::kNetwork);
  REQUIRE(other.requests().size() == 1);
  CHECK(authorization_of(other.requests()[0]).empty());
}
