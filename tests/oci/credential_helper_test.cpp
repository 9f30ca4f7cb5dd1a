#include "mosb/oci/credential_helper.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <sys/stat.h>

#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/oci/auth_file.h"
#include "tests/oci/registry_fixture.h"

using mosb::Command;
using mosb::Completed;
using mosb::Errc;
using mosb::Error;
using mosb::Result;
using mosb::TempDir;
using mosb::oci::CredentialHelpers;
using mosb::oci::find_credentials;
using mosb::test::must;
using mosb::test::refused;

namespace {

/// Answers without running anything.
class FakeRunner final : public mosb::ProcessRunner {
 public:
  Result<Completed> run(const Command& command) override {
    commands.push_back(command);
    return answer;
  }
  Result<Completed> answer = Completed{0, R"({"Username":"alice","Secret":"s3cret"})", ""};
  std::vector<Command> commands;
};

/// A folder of helpers, as shell scripts.
struct Helpers {
  explicit Helpers(const std::string& script = "exit 1") {
    const std::string path = dir.path() + "/docker-credential-test";
    must(mosb::write_file_atomic(path, "#!/bin/sh\n" + script + "\n", 0755));
  }
  CredentialHelpers::Environment environment() const {
    return {.path = "relative::" + dir.path() + ":/usr/bin:/bin", .variables = {"HOME=/root"}};
  }
  /// What the script answers, really run.
  auto get(const std::string& server = "registry.example:5000") const {
    mosb::RealProcessRunner runner;
    return CredentialHelpers(runner, environment()).get("test", server);
  }
  TempDir dir = must(TempDir::make("/tmp", "mosb-test-helper-"));
};

Result<std::optional<mosb::oci::Credentials>> ask(FakeRunner& runner, const std::string& file) {
  const Helpers programs;
  const std::string path = programs.dir.path() + "/auth.json";
  must(mosb::write_file_atomic(path, file, 0600));
  CredentialHelpers helpers(runner, programs.environment());
  return find_credentials("registry.example:5000", "team/app", {path}, helpers);
}

}  // namespace

TEST_CASE("a credential helper is asked for the registry's name on its standard input",
          "[helper]") {
  FakeRunner runner;
  const auto found =
      must(ask(runner, R"({"credHelpers":{"registry.example:5000":"test","other.example":"no"}})"));
  REQUIRE(found);
  CHECK(found->username == "alice");
  CHECK(found->password == "s3cret");
  REQUIRE(runner.commands.size() == 1);
  const Command& command = runner.commands.front();
  CHECK(command.argv.at(0).ends_with("/docker-credential-test"));
  CHECK(command.argv.at(1) == "get");
  CHECK(command.input == "registry.example:5000\n");
  CHECK(command.timeout == std::chrono::seconds(10));
  CHECK(command.env.size() == 2);
}

TEST_CASE("credsStore keeps what no helper of its own and no entry keeps", "[helper]") {
  FakeRunner runner;
  CHECK(must(ask(runner, R"({"credsStore":"test"})"))->username == "alice");
  CHECK(must(ask(runner, R"({"credsStore":"test","auths":{"registry.example:5000":{}}})"))
            ->username == "alice");
  CHECK(runner.commands.size() == 2);
  CHECK(must(ask(runner,
                 R"({"credsStore":"test",
                     "auths":{"registry.example:5000":{"username":"bob","password":"p"}}})"))
            ->username == "bob");
  CHECK_FALSE(
      must(ask(runner, R"({"credsStore":"test","credHelpers":{"registry.example:5000":""}})")));
  CHECK(runner.commands.size() == 2);
}

TEST_CASE("the user name <token> marks an identity token", "[helper]") {
  FakeRunner runner;
  runner.answer = Completed{0, R"({"ServerURL":"x","Username":"<token>","Secret":"abc"})", ""};
  const auto found = must(ask(runner, R"({"credsStore":"test"})"));
  CHECK(found->identity_token == "abc");
  CHECK(found->username.empty());
}

TEST_CASE("a helper without a login for the registry means none", "[helper]") {
  FakeRunner runner;
  runner.answer = Completed{1, "credentials not found in native keychain\n", ""};
  CHECK_FALSE(must(ask(runner, R"({"credsStore":"test"})")));
}

TEST_CASE("a helper's name is no path", "[helper]") {
  FakeRunner runner;
  for (const char* name : {"../test", "a/b", "/bin/sh", "a b", "test;id", "a\\u0000b", "-\\n"}) {
    INFO(name);
    const auto error = refused(ask(runner, std::string(R"({"credsStore":")") + name + "\"}"));
    CHECK(error.code() == Errc::kUsage);
  }
  CHECK(refused(ask(runner, R"({"credsStore":"absent"})")).message().find("PATH") !=
        std::string::npos);
  CHECK(runner.commands.empty());
  CHECK(refused(ask(runner, R"({"credHelpers":{"registry.example:5000":7}})")).code() ==
        Errc::kContent);
}

TEST_CASE("an answer that is none is refused without showing it", "[helper]") {
  FakeRunner runner;
  for (const char* answer : {"",
                             "s3cret",
                             "\"s3cret\"",
                             "[]",
                             "{",
                             R"({"Username":"s3cret"})",
                             R"({"Secret":"s3cret"})",
                             R"({"Username":"","Secret":"s3cret"})",
                             R"({"Username":"u","Secret":""})",
                             R"({"Username":7,"Secret":"s3cret"})",
                             R"({"Username":"u:v","Secret":"s3cret"})",
                             R"({"Username":"u\r\nX: y","Secret":"s3cret"})",
                             R"({"Username":"u","Secret":"s3cret\n"})",
                             R"({"Username":"u","Secret":"s3cret"} s3cret)",
                             R"({"Username":"u","Username":"v","Secret":"s3cret"})"}) {
    INFO(answer);
    runner.answer = Completed{0, answer, "s3cret"};
    const Error error = refused(ask(runner, R"({"credsStore":"test"})"));
    CHECK(error.code() == Errc::kUsage);
    CHECK((error.message() + error.hint()).find("s3cret") == std::string::npos);
  }
  runner.answer = Completed{1, "s3cret", "s3cret"};
  const Error failed = refused(ask(runner, R"({"credsStore":"test"})"));
  CHECK(failed.message().find("status 1") != std::string::npos);
  CHECK((failed.message() + failed.hint()).find("s3cret") == std::string::npos);
}

TEST_CASE("a real program is run without a shell and with few variables", "[helper]") {
  const Helpers helpers(R"(
read -r server
[ "$1" = get ] && [ $# = 1 ] || exit 3
printf '{"ServerURL":"%s","Username":"%s","Secret":"%s"}' "$server" "$server" "$HOME,$SHELL_SECRET")");
  REQUIRE(::setenv("SHELL_SECRET", "mine", 1) == 0);
  const auto found = must(helpers.get("registry.example/$(id)"));
  REQUIRE(::unsetenv("SHELL_SECRET") == 0);
  CHECK(found->username == "registry.example/$(id)");
  CHECK(found->password == "/root,");
}

TEST_CASE("a helper that floods is ended soon", "[helper]") {
  const auto start = std::chrono::steady_clock::now();
  const Error flood = refused(Helpers("yes s3cret").get());
  CHECK(flood.code() == Errc::kUsage);
  CHECK(flood.message().find("too much") != std::string::npos);
  CHECK(flood.message().find("s3cret") == std::string::npos);
  CHECK(refused(Helpers("yes s3cret >&2").get()).code() == Errc::kUsage);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("a helper that hangs is ended after ten seconds with all that it started", "[helper]") {
  // The child holds the output open when its parent has gone.
  const Helpers helpers("sleep 1000 & echo $! >\"${0%/*}/child\"; exit 0");
  const auto start = std::chrono::steady_clock::now();
  const Error error = refused(helpers.get());
  CHECK(error.message().find("did not end in time") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(12));
  const std::string child =
      must(mosb::read_file(helpers.dir.path() + "/child", mosb::ByteCount{32}));
  const auto pid = static_cast<pid_t>(std::stoi(child));
  for (int i = 0; i < 100 && ::kill(pid, 0) == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  CHECK(::kill(pid, 0) == -1);
}

TEST_CASE("what is no program is no helper", "[helper]") {
  const Helpers helpers;
  const std::string path = helpers.dir.path() + "/docker-credential-test";
  REQUIRE(::chmod(path.c_str(), 0644) == 0);
  CHECK(refused(helpers.get()).message().find("no such program") != std::string::npos);
  must(mosb::write_file_atomic(path, "no format that can be run", 0755));
  CHECK(refused(helpers.get()).code() == Errc::kUsage);
}
