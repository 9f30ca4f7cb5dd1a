#include "tests/oci/registry_fixture.h"

using mosb::Errc;
using mosb::Error;
using mosb::Json;
using mosb::TempDir;
using mosb::oci::RegistryOptions;
using mosb::test::connect;
using mosb::test::kManifest;
using mosb::test::manifest_rule;
using mosb::test::must;
using mosb::test::refused;
using mosb::test::ScriptedRegistry;
using mosb::test::tagged;
using mosb::test::TlsFiles;

namespace {

struct Authority {
  explicit Authority(const std::string& name = "IP:127.0.0.1")
      : files(must(mosb::test::make_tls_files(dir.path(), name))) {}
  TempDir dir = must(TempDir::make("/tmp", "mosb-test-tls-"));
  TlsFiles files;
};

Json rules() {
  return Json::array({manifest_rule("1", kManifest)});
}

}  // namespace

TEST_CASE("a registry with a certificate of the named authority is talked to", "[registry]") {
  const Authority authority;
  const auto server = must(ScriptedRegistry::start(rules(), authority.files));
  auto client = connect(server.host(), {.ca_file = authority.files.ca});
  CHECK(client->resolve(tagged("1")));
}

TEST_CASE("a certificate of an authority that is not trusted is refused", "[registry]") {
  const Authority authority;
  const Authority other;
  const auto server = must(ScriptedRegistry::start(rules(), authority.files));
  for (const std::string& ca : {std::string(), other.files.ca}) {
    INFO(ca);
    const Error error = refused(connect(server.host(), {.ca_file = ca})->resolve(tagged("1")));
    CHECK(error.code() == Errc::kNetwork);
    CHECK(error.hint().find("`ca`") != std::string::npos);
  }
  CHECK(server.requests().empty());
}

TEST_CASE("a certificate for another name is refused", "[registry]") {
  const Authority authority("DNS:other.example");
  const auto server = must(ScriptedRegistry::start(rules(), authority.files));
  auto client = connect(server.host(), {.ca_file = authority.files.ca});
  CHECK(refused(client->resolve(tagged("1"))).code() == Errc::kNetwork);
  CHECK(server.requests().empty());
}

TEST_CASE("a registry that speaks plain HTTP is refused with the way to allow it", "[registry]") {
  const auto server = must(ScriptedRegistry::start(rules()));
  RegistryOptions options;
  options.timeouts.connect = std::chrono::milliseconds(500);  // it waits for a request's end
  const Error error = refused(connect(server.host(), options)->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.hint().find("--insecure-registry") != std::string::npos);
  CHECK(server.requests().empty());
}

TEST_CASE("a registry that speaks HTTPS is not talked to by plain HTTP", "[registry]") {
  const Authority authority;
  const auto server = must(ScriptedRegistry::start(rules(), authority.files));
  const Error error = refused(connect(server.host())->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.hint().find("HTTPS") != std::string::npos);
}

TEST_CASE("a redirect from HTTPS to plain HTTP is refused", "[registry]") {
  const Authority authority;
  const auto plain = must(ScriptedRegistry::start(rules()));
  const auto server = must(ScriptedRegistry::start(
      Json::array(
          {{{"status", 307},
            {"headers", {{"Location", "http://" + plain.host() + "/v2/app/web/manifests/1"}}}}}),
      authority.files));
  auto client = connect(server.host(), {.ca_file = authority.files.ca});
  CHECK(refused(client->resolve(tagged("1"))).code() == Errc::kNetwork);
  CHECK(plain.requests().empty());
}

TEST_CASE("a registry with HTTPS cannot name a token server without it", "[registry]") {
  const Authority authority;
  const auto plain =
      must(ScriptedRegistry::start(Json::array({{{"path", "*"}, {"body", R"({"token":"abc"})"}}})));
  const auto server = must(ScriptedRegistry::start(
      Json::array({{{"status", 401},
                    {"headers",
                     {{"WWW-Authenticate",
                       "Bearer realm=\"http://" + plain.host() + R"(/token",service="x")"}}}}}),
      authority.files));
  auto client = connect(server.host(),
                        {.ca_file = authority.files.ca,
                         .credentials = mosb::oci::Credentials{"alice", "s3cret", ""},
                         .trusted_realms = {plain.host()}});
  const Error error = refused(client->resolve(tagged("1")));
  CHECK(error.code() == Errc::kNetwork);
  CHECK(error.message().find("not reached by HTTPS") != std::string::npos);
  CHECK(plain.requests().empty());
}

TEST_CASE("a certificate authority file that is missing is a usage error", "[registry]") {
  auto http = must(mosb::oci::make_curl_http_client());
  const Error error = refused(mosb::oci::Registry::open(
      "registry.example", "app", {.ca_file = "/nonexistent/ca.pem"}, *http));
  CHECK(error.code() == Errc::kUsage);
}
