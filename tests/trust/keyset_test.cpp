#include "mosb/trust/keyset.h"

#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "mosb/trust/cert_chain.h"
#include "mosb/trust/notation_config.h"
#include "mosb/trust/signing_key.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

namespace fs = std::filesystem;
using test::must;

unsigned mode_of(const std::string& path) {
  return must(sys::lstat(path)).st_mode & 07777U;
}

TEST_CASE("a keyset of every algorithm trusts its own signer strictly and nobody else", "[trust]") {
  const TempDir temp = test::make_temp_dir();
  for (const SignatureAlgorithm algorithm : kSignatureAlgorithms) {
    const std::string kind = key_kind_name(algorithm);
    INFO(kind);
    const Keyset keyset = must(
        create_keyset(temp.path() + "/" + kind, {"Release, 2nd", algorithm}, test::vector_clock()));
    const SigningKey key = must(load_signing_key(keyset.signing_key, keyset.signing_chain));
    CHECK(key.key.algorithm() == algorithm);
    REQUIRE(key.chain.size() == 2);
    CHECK(check_code_signing_chain(key.chain));
    CHECK(check_validity(key.chain, test::vector_clock().now()));

    const NotationConfig config = must(NotationConfig::open(keyset.notation_dir));
    REQUIRE(config.policy());
    for (const char* const scope : {"any.example/x", "local/mosb"}) {
      const TrustPolicyStatement& statement = *must(config.policy()->select(scope));
      CHECK(statement.level.name == "strict");
      CHECK_FALSE(statement.identities.anybody);
      REQUIRE(statement.identities.subjects.size() == 1);
      CHECK(statement.identities.subjects.front().attributes().at("CN") == "Release, 2nd");
      const TrustStore store = must(config.store(statement.trust_stores.front()));
      REQUIRE(store.certificates.size() == 1);
      CHECK(store.contains(key.chain.back()));
    }
  }
}

TEST_CASE("private keys of a keyset are for their owner only", "[trust]") {
  const TempDir temp = test::make_temp_dir();
  const Keyset keyset = must(create_keyset(temp.path() + "/k/", {"x"}, test::vector_clock()));
  CHECK(keyset.dir == temp.path() + "/k");
  CHECK(mode_of(keyset.dir) == 0700);
  CHECK(mode_of(keyset.root_key) == 0600);
  CHECK(mode_of(keyset.signing_key) == 0600);
  CHECK(mode_of(keyset.root_certificate) == 0644);
  const std::string readme = must(read_file(keyset.dir + "/README.md", ByteCount{kMiB}));
  CHECK(readme.find("root.key") != std::string::npos);
  CHECK(readme.find(keyset.trusted_identity) != std::string::npos);
  // Nothing but the keyset is left beside it.
  CHECK(std::distance(fs::directory_iterator(temp.path()), fs::directory_iterator()) == 1);
}

TEST_CASE("a keyset never overwrites anything", "[trust]") {
  const TempDir temp = test::make_temp_dir();
  const std::string dir = temp.path() + "/keys";
  const Keyset first = must(create_keyset(dir, {"x"}, test::vector_clock()));
  const std::string key = must(read_file(first.root_key, ByteCount{kMiB}));
  const auto second = create_keyset(dir, {"x"}, test::vector_clock());
  REQUIRE_FALSE(second);
  CHECK(second.error().code() == Errc::kUsage);
  CHECK(must(read_file(first.root_key, ByteCount{kMiB})) == key);
  test::write_file(temp.path() + "/file", "x");
  CHECK_FALSE(create_keyset(temp.path() + "/file", {"x"}, test::vector_clock()));
  fs::create_directory(temp.path() + "/empty");
  CHECK(create_keyset(temp.path() + "/empty", {"x"}, test::vector_clock()));
  CHECK_FALSE(create_keyset(temp.path() + "/no/such", {"x"}, test::vector_clock()));
  CHECK(std::distance(fs::directory_iterator(temp.path()), fs::directory_iterator()) == 3);
}

TEST_CASE("what a killed creation left is removed by the next one, and nothing else is",
          "[trust]") {
  const TempDir temp = test::make_temp_dir();
  const auto make = [&](const std::string& name) {
    const std::string dir = temp.path() + "/" + name;
    fs::create_directory(dir);
    test::write_file(dir + "/root.key", "secret");
    return dir;
  };
  const std::string dead = make(".mosb-tmp-dead");
  const std::string alive = make(".mosb-tmp-alive");
  const std::string theirs = make(".mosb-tmp-theirs");
  REQUIRE(::chown(theirs.c_str(), 65534, 65534) == 0);
  const std::string other = make("mosb-tmp-other");
  const FileLock lock = must(FileLock::acquire(alive + "/lock"));
  CHECK(create_keyset(temp.path() + "/keys", {"x"}, test::vector_clock()));
  CHECK_FALSE(path_exists(dead));
  for (const std::string& kept : {alive, theirs, other}) {
    INFO(kept);
    CHECK(path_exists(kept + "/root.key"));
  }
  CHECK(std::distance(fs::directory_iterator(temp.path()), fs::directory_iterator()) == 4);
}

TEST_CASE("a common name that certificates and policies cannot hold is refused", "[trust]") {
  const TempDir temp = test::make_temp_dir();
  for (const std::string& bad : {std::string(),
                                 std::string(49, 'x'),
                                 std::string(" x"),
                                 std::string("x "),
                                 std::string("x\ny"),
                                 std::string("x=#y"),
                                 std::string("\xff")}) {
    const auto keyset = create_keyset(temp.path() + "/k", {bad}, test::vector_clock());
    REQUIRE_FALSE(keyset);
    CHECK(keyset.error().code() == Errc::kUsage);
  }
  int i = 0;
  for (const char* const good : {"x", "..", R"(#1; "a" + <b>\)", "Größe=7", "/C=XX/CN=other"}) {
    INFO(good);
    CHECK(create_keyset(temp.path() + "/k" + std::to_string(i++), {good}, test::vector_clock()));
  }
}

TEST_CASE("the README's commands make a new signing certificate that the hosts trust", "[trust]") {
  const TempDir temp = test::make_temp_dir();
  // openssl dates the certificate by the real clock.
  const RealClock clock;
  const Keyset keyset = must(create_keyset(temp.path() + "/k", {"Größe, a/b + 'c' \\"}, clock));
  const Certificate old = must(load_signing_key(keyset.signing_key, keyset.signing_chain)).chain[0];
  const std::string readme = must(read_file(keyset.dir + "/README.md", ByteCount{kMiB}));
  const std::size_t begin = readme.find("    openssl req");
  const std::size_t end = readme.find("\n\n", begin);
  REQUIRE(end != std::string::npos);
  Command command;
  command.argv = {"sh", "-ec", "cd \"$DIR\"; " + readme.substr(begin, end - begin)};
  command.env = {"PATH=/usr/bin:/bin", "DIR=" + keyset.dir};
  RealProcessRunner runner;
  const Completed done = must(runner.run(command));
  INFO(done.out << done.err);
  REQUIRE(done.status == 0);
  const SigningKey key = must(load_signing_key(keyset.signing_key, keyset.signing_chain));
  CHECK_FALSE(key.chain.front() == old);
  CHECK(check_code_signing_chain(key.chain));
  const NotationConfig config = must(NotationConfig::open(keyset.notation_dir));
  const TrustPolicyStatement& statement = *must(config.policy()->select("local/mosb"));
  CHECK(statement.identities.subjects.front().is_subset_of(must(subject_name(key.chain.front()))));
}

}  // namespace
}  // namespace mosb::trust
