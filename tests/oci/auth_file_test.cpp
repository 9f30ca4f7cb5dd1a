#include "mosb/oci/auth_file.h"

#include "mosb/base/file.h"
#include "tests/oci/registry_fixture.h"

using mosb::Errc;
using mosb::TempDir;
using mosb::oci::default_auth_files;
using mosb::oci::find_credentials;
using mosb::test::must;
using mosb::test::refused;

namespace {

/// An auth file with the given text, and what it says of registry.example:5000/team/app.
struct AuthFile {
  explicit AuthFile(const std::string& text) { must(mosb::write_file_atomic(path, text, 0600)); }
  static auto find(const std::string& host, const std::vector<std::string>& files) {
    mosb::RealProcessRunner processes;
    mosb::oci::CredentialHelpers none(processes, {});
    return find_credentials(host, "team/app", files, none);
  }
  auto find(const std::string& host = "registry.example:5000") const { return find(host, {path}); }
  TempDir dir = must(TempDir::make("/tmp", "mosb-test-auth-"));
  std::string path = dir.path() + "/auth.json";
};

// "alice:s3cret:with:colons"
constexpr char kAlice[] = "YWxpY2U6czNjcmV0OndpdGg6Y29sb25z";

}  // namespace

TEST_CASE("a login is found under the registry's host and port", "[auth]") {
  const AuthFile file(std::string(R"({"auths":{"registry.example:5000":{"auth":")") + kAlice +
                      "\"}}}");
  const auto found = must(file.find());
  REQUIRE(found);
  CHECK(found->username == "alice");
  CHECK(found->password == "s3cret:with:colons");
  CHECK_FALSE(must(file.find("registry.example")));
  CHECK_FALSE(must(file.find("example:5000")));
}

TEST_CASE("the longest name in an auth file wins", "[auth]") {
  const AuthFile file(R"({"auths":{
      "registry.example:5000":{"username":"host","password":"1"},
      "registry.example:5000/team":{"username":"team","password":"2"},
      "registry.example:5000/team/app/deeper":{"username":"deeper","password":"3"},
      "registry.example:5000/tea":{"username":"tea","password":"4"}}})");
  CHECK(must(file.find())->username == "team");
}

TEST_CASE("a login that Docker wrote as a URL is found", "[auth]") {
  const AuthFile file(
      R"({"auths":{"https://registry.example:5000/v1/":{"username":"u","password":"p"},
      "https://index.docker.io/v1/":{"username":"hub","password":"p"}}})");
  CHECK(must(file.find())->username == "u");
  CHECK(must(file.find("docker.io"))->username == "hub");
}

TEST_CASE("an identity token is taken as one", "[auth]") {
  const AuthFile file(R"({"auths":{"registry.example:5000":{"identitytoken":"abc"}}})");
  CHECK(must(file.find())->identity_token == "abc");
}

TEST_CASE("a broken auth file is an error that shows no secret", "[auth]") {
  for (const char* text : {"",
                           "[]",
                           R"({"auths":[]})",
                           R"({"auths":{"registry.example:5000":"x"}})",
                           R"({"auths":{"registry.example:5000":{"auth":"s3cret!"}}})",
                           R"({"auths":{"registry.example:5000":{"auth":"czNjcmV0"}}})",
                           R"({"auths":{"registry.example:5000":{"auth":7}}})",
                           R"({"auths":{},"auths":{}})"}) {
    INFO(text);
    const auto found = AuthFile(text).find();
    if (std::string(text) == "[]") {
      CHECK(found);  // nothing in it
      continue;
    }
    const mosb::Error error = refused(found);
    CHECK(error.code() == Errc::kContent);
    CHECK(error.message().find("s3cret") == std::string::npos);
    CHECK(error.message().find("czNjcmV0") == std::string::npos);
  }
}

TEST_CASE("the first auth file with a login for the registry is used", "[auth]") {
  const AuthFile first(R"({"auths":{"other.example":{"username":"x","password":"p"}}})");
  const AuthFile second(R"({"auths":{"registry.example:5000":{"username":"y","password":"p"}}})");
  const auto found = must(
      AuthFile::find("registry.example:5000", {"/nonexistent/auth.json", first.path, second.path}));
  REQUIRE(found);
  CHECK(found->username == "y");
}

TEST_CASE("auth files are looked for where skopeo and docker leave them", "[auth]") {
  using Files = std::vector<std::string>;
  CHECK(default_auth_files({.registry_auth_file = "/a", .home = "/root"}) == Files{"/a"});
  CHECK(default_auth_files({.xdg_runtime_dir = "/run/user/1", .home = "/home/u"}) ==
        Files{"/run/user/1/containers/auth.json",
              "/home/u/.config/containers/auth.json",
              "/home/u/.docker/config.json"});
  CHECK(default_auth_files({.xdg_runtime_dir = "/r",
                            .xdg_config_home = "/c",
                            .docker_config = "/d",
                            .home = "/h"}) ==
        Files{"/r/containers/auth.json", "/c/containers/auth.json", "/d/config.json"});
}
