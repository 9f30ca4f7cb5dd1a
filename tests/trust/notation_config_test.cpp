#include "mosb/trust/notation_config.h"

#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "mosb/base/scope_exit.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;
using test::write_file;

std::string strict_policy(const std::string& name) {
  Json policy = test::notation_json("configs/strict/trustpolicy.json");
  policy["trustPolicies"][0]["name"] = name;
  return policy.dump();
}

TEST_CASE("trustpolicy.oci.json is read before trustpolicy.json", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  write_file(dir.path() + "/trustpolicy.json", strict_policy("old"));
  CHECK(must(NotationConfig::open(dir.path())).policy()->statements.front().name == "old");
  write_file(dir.path() + "/trustpolicy.oci.json", strict_policy("new"));
  const NotationConfig config = must(NotationConfig::open(dir.path()));
  CHECK(config.policy()->statements.front().name == "new");
  CHECK(config.policy_path() == dir.path() + "/trustpolicy.oci.json");
}

TEST_CASE("a bad trustpolicy.oci.json does not fall back to trustpolicy.json", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  write_file(dir.path() + "/trustpolicy.json", strict_policy("old"));
  write_file(dir.path() + "/trustpolicy.oci.json", "{}");
  const NotationConfig config = must(NotationConfig::open(dir.path()));
  REQUIRE_FALSE(config.policy());
  CHECK(config.policy().error().code() == Errc::kPolicy);
}

TEST_CASE("a policy that others could change is refused", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  const std::string path = dir.path() + "/trustpolicy.json";
  write_file(path, strict_policy("s"), 0666);
  CHECK_FALSE(must(NotationConfig::open(dir.path())).policy());
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  CHECK(must(NotationConfig::open(dir.path())).policy());
  std::filesystem::rename(path, dir.path() + "/elsewhere");
  std::filesystem::create_symlink(dir.path() + "/elsewhere", path);
  CHECK_FALSE(must(NotationConfig::open(dir.path())).policy());
}

TEST_CASE("a configuration directory that is missing or open to others is refused", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  const auto missing = NotationConfig::open(dir.path() + "/none");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::kPolicy);
  CHECK(missing.error().hint().find("--notation-config") != std::string::npos);
  REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
  CHECK_FALSE(NotationConfig::open(dir.path()));
}

TEST_CASE("one operation sees one policy", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  write_file(dir.path() + "/trustpolicy.json", strict_policy("before"));
  const NotationConfig config = must(NotationConfig::open(dir.path()));
  write_file(dir.path() + "/trustpolicy.json", strict_policy("after"));
  CHECK(config.policy()->statements.front().name == "before");
}

TEST_CASE("insecure registries come from notation's config.json", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  const NotationConfig config = must(NotationConfig::open(dir.path()));
  CHECK(must(config.insecure_registries()).empty());
  write_file(dir.path() + "/config.json", R"({"insecureRegistries":["a.io:5000"]})");
  CHECK(must(config.insecure_registries()) == std::vector<std::string>{"a.io:5000"});
  write_file(dir.path() + "/config.json", "{");
  CHECK_FALSE(config.insecure_registries());
}

TEST_CASE("the format to sign in is config.json's, in notation's spelling only", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  const NotationConfig config = must(NotationConfig::open(dir.path()));
  const std::string path = dir.path() + "/config.json";
  CHECK_FALSE(must(config.signature_format()));
  for (const char* none : {"{}", R"({"signatureFormat":""})"}) {
    write_file(path, none);
    CHECK_FALSE(must(config.signature_format()));
  }
  write_file(path, R"({"signatureFormat":"jws"})");
  CHECK(must(config.signature_format()) == EnvelopeFormat::kJws);
  write_file(path, R"({"signatureFormat":"cose"})");
  CHECK(must(config.signature_format()) == EnvelopeFormat::kCose);
  for (const char* bad : {R"({"signatureFormat":"COSE"})",
                          R"({"signatureFormat":"application/cose"})",
                          R"({"signatureFormat":1})"}) {
    INFO(bad);
    write_file(path, bad);
    CHECK(config.signature_format().error().code() == Errc::kContent);
  }
}

TEST_CASE("a registry is insecure by its whole name, as notation compares it", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  CHECK_FALSE(must(is_insecure_registry(dir.path(), "a.io:5000")));
  CHECK_FALSE(must(is_insecure_registry(dir.path() + "/none", "a.io:5000")));
  const std::string path = dir.path() + "/config.json";
  write_file(path, R"({"insecureRegistries":["a.io:5000","B.io"],"credsStore":"x"})");
  CHECK(must(is_insecure_registry(dir.path(), "a.io:5000")));
  CHECK(must(is_insecure_registry(dir.path(), "A.IO:5000")));
  CHECK(must(is_insecure_registry(dir.path(), "b.io")));
  for (const char* host : {"a.io", "a.io:500", "a.io:50000", "x.a.io:5000", "b.io:443", ""}) {
    INFO(host);
    CHECK_FALSE(must(is_insecure_registry(dir.path(), host)));
  }
}

TEST_CASE("a config.json that is not trusted or not to be read is refused", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  const std::string path = dir.path() + "/config.json";
  for (const std::string text : {R"({"insecureRegistries":"a.io"})",
                                 R"({"insecureRegistries":[7]})",
                                 R"({"insecureRegistries":[],"insecureRegistries":["a.io"]})",
                                 "[]x"}) {
    INFO(text);
    write_file(path, text);
    CHECK_FALSE(is_insecure_registry(dir.path(), "a.io"));
  }
  write_file(path, R"({"insecureRegistries":["a.io"]})", 0666);
  CHECK(is_insecure_registry(dir.path(), "a.io").error().code() == Errc::kPolicy);
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  CHECK(must(is_insecure_registry(dir.path(), "a.io")));
  write_file(path, R"({"insecureRegistries":["a.io"],"x":")" + std::string(1 << 20, 'x') + "\"}");
  CHECK(is_insecure_registry(dir.path(), "a.io").error().code() == Errc::kPolicy);
  std::filesystem::rename(path, dir.path() + "/elsewhere");
  std::filesystem::create_symlink(dir.path() + "/elsewhere", path);
  CHECK(is_insecure_registry(dir.path(), "a.io").error().code() == Errc::kPolicy);
}

TEST_CASE("the default directory is the one that notation reads", "[trust]") {
  const ScopeExit restore([] {
    ::unsetenv("NOTATION_CONFIG");
    ::unsetenv("XDG_CONFIG_HOME");
  });
  ::setenv("HOME", "/home/somebody", 1);
  ::unsetenv("NOTATION_CONFIG");
  ::unsetenv("XDG_CONFIG_HOME");
  CHECK(default_notation_config_dir() == "/home/somebody/.config/notation");
  ::setenv("XDG_CONFIG_HOME", "/xdg", 1);
  CHECK(default_notation_config_dir() == "/xdg/notation");
  ::setenv("NOTATION_CONFIG", "/own", 1);
  CHECK(default_notation_config_dir() == "/own");
}

TEST_CASE("at level strict nothing is only logged", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  write_file(dir.path() + "/trustpolicy.json",
             test::notation_file("configs/audit/trustpolicy.json"));
  const NotationConfig strict = must(NotationConfig::open(dir.path())).at_level_strict();
  CHECK(strict.policy()->statements.front().level.authenticity == ValidationAction::kEnforce);
  CHECK(strict.policy()->statements.front().level.name == "strict");
}

TEST_CASE("a policy that cannot be read is neither passed over nor made strict", "[trust]") {
  const TempDir dir = test::make_temp_dir();
  write_file(dir.path() + "/trustpolicy.json", strict_policy("old"));
  write_file(dir.path() + "/trustpolicy.oci.json", strict_policy("new"), 0666);
  const NotationConfig config = must(NotationConfig::open(dir.path()));
  CHECK_FALSE(config.policy());
  CHECK(config.policy_path() == dir.path() + "/trustpolicy.oci.json");
  CHECK_FALSE(config.at_level_strict().policy());
}

TEST_CASE("without a home directory notation looks nowhere", "[trust]") {
  const char* const set = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): one thread
  REQUIRE(set != nullptr);
  const std::string home = set;
  ::unsetenv("HOME");
  const std::string dir = default_notation_config_dir();
  ::setenv("HOME", home.c_str(), 1);
  CHECK(dir.empty());
}

}  // namespace
}  // namespace mosb::trust
