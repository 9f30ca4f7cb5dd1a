#include "mosb/trust/signing_key.h"

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "mosb/base/file.h"
#include "mosb/base/process.h"
#include "mosb/trust/keyset.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;
using test::write_file;

struct Keys {
  TempDir temp = test::make_temp_dir();
  Keyset set;
  explicit Keys(SignatureAlgorithm algorithm = SignatureAlgorithm::kEs256)
      : set(must(create_keyset(
            temp.path() + "/keys", {"test signer", algorithm}, test::vector_clock()))) {}
};

void openssl(const std::vector<std::string>& arguments) {
  Command command;
  command.argv = {"openssl"};
  command.env = {"PATH=/usr/bin:/bin"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  RealProcessRunner runner;
  const Completed done = must(runner.run(command));
  INFO(done.err);
  REQUIRE(done.status == 0);
}

TEST_CASE("a key file that others may read is refused with the remedy", "[trust]") {
  const Keys keys;
  CHECK(load_signing_key(keys.set.signing_key, keys.set.signing_chain));
  for (const mode_t mode : {0640U, 0604U, 0620U, 0644U, 0666U}) {
    REQUIRE(::chmod(keys.set.signing_key.c_str(), mode) == 0);
    const auto key = load_signing_key(keys.set.signing_key, keys.set.signing_chain);
    REQUIRE_FALSE(key);
    CHECK(key.error().code() == Errc::kPolicy);
    CHECK(key.error().hint().find("chmod 600") != std::string::npos);
  }
  REQUIRE(::chmod(keys.set.signing_key.c_str(), 0400) == 0);
  CHECK(load_signing_key(keys.set.signing_key, keys.set.signing_chain));
}

TEST_CASE("keys are read as PKCS #8, PKCS #1 and SEC 1", "[trust]") {
  for (const auto algorithm : {SignatureAlgorithm::kPs256, SignatureAlgorithm::kEs384}) {
    const Keys keys(algorithm);
    const std::string other = keys.temp.path() + "/traditional.key";
    openssl({"pkey", "-in", keys.set.signing_key, "-traditional", "-out", other});
    const std::string text = must(read_file(other, ByteCount{kMiB}));
    CHECK(text.find("BEGIN PRIVATE KEY") == std::string::npos);
    CHECK(must(load_signing_key(other, keys.set.signing_chain)).key.algorithm() == algorithm);
  }
}

TEST_CASE("keys that cannot sign are refused by name", "[trust]") {
  const Keys keys;
  const std::string file = keys.temp.path() + "/odd.key";
  const auto why = [&] {
    const auto key = load_signing_key(file, keys.set.signing_chain);
    REQUIRE_FALSE(key);
    CHECK(key.error().code() == Errc::kContent);
    return key.error().message();
  };
  openssl({"pkey", "-in", keys.set.signing_key, "-aes128", "-passout", "pass:x", "-out", file});
  CHECK(why().find("encrypted") != std::string::npos);
  write_file(file, "no key", 0600);
  CHECK(why().find("no PEM private key") != std::string::npos);
  openssl({"genpkey", "-algorithm", "ED25519", "-out", file});
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  CHECK(why().find("not of a supported kind") != std::string::npos);
  openssl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file});
  REQUIRE(::chmod(file.c_str(), 0600) == 0);
  CHECK(why().find("not for the key") != std::string::npos);
  const auto absent = load_signing_key(keys.temp.path() + "/none", keys.set.signing_chain);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::kNotFound);
}

TEST_CASE("signingkeys.json names keys, a default, and plugins' keys that are refused", "[trust]") {
  const Keys keys;
  const NotationConfig config = must(NotationConfig::open(keys.set.notation_dir));
  const auto none = load_signing_key_by_name(config, "release");
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::kNotFound);
  const Json list{{"default", "release"},
                  {"keys",
                   {{{"name", "release"},
                     {"keyPath", keys.set.signing_key},
                     {"certPath", keys.set.signing_chain}},
                    {{"name", "cloud"}, {"id", "1"}, {"pluginName", "kms"}}}}};
  write_file(keys.set.notation_dir + "/signingkeys.json", list.dump(4), 0600);
  CHECK(load_signing_key_by_name(config, "release"));
  CHECK(load_signing_key_by_name(config, ""));
  const auto plugin = load_signing_key_by_name(config, "cloud");
  REQUIRE_FALSE(plugin);
  CHECK(plugin.error().code() == Errc::kUsage);
  CHECK(plugin.error().message().find("kms") != std::string::npos);
  CHECK(load_signing_key_by_name(config, "other").error().code() == Errc::kNotFound);
}

TEST_CASE("a malformed signingkeys.json is refused", "[trust]") {
  for (
      const char* const bad :
      {"",
       "[]x",
       R"({"keys":[{"name":""}]})",
       R"({"keys":[{"name":"a"}]})",
       R"({"keys":[{"name":"a","keyPath":"k","certPath":"c"},{"name":"a","keyPath":"k","certPath":"c"}]})",
       R"({"default":"b","keys":[{"name":"a","keyPath":"k","certPath":"c"}]})",
       R"({"default":"","keys":[]})"}) {
    INFO(bad);
    CHECK_FALSE(SigningKeyList::parse(bad));
  }
  const auto empty = must(SigningKeyList::parse(R"({"keys":[]})"));
  CHECK(empty.find("").error().code() == Errc::kNotFound);
}

}  // namespace
}  // namespace mosb::trust
