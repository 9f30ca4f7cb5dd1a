#include "mosb/trust/trust_store.h"

#include <filesystem>
#include <functional>
#include <map>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/trust/trust_store_edit.h"
#include "mosb/trust/verify.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

namespace fs = std::filesystem;
using test::must;
using test::notation_data;
using test::notation_file;
using test::write_file;

constexpr char kScope[] = "127.0.0.1:5055/vec/store";

/// A configuration directory that a case changes: the strict one, which trusts root.crt.
struct Config {
  TempDir temp = test::make_temp_dir();
  std::string dir = temp.path() + "/config";
  std::string store = dir + "/truststore/x509/ca/vectors";

  explicit Config(const std::string& name = "strict") {
    test::copy_tree(notation_data("configs/" + name), dir);
  }
  void add(const std::string& name, const std::string& bytes) const {
    write_file(store + "/" + name, bytes);
  }
  void edit_policy(const std::function<void(Json&)>& change) const {
    Json policy = notation_json_of(dir + "/trustpolicy.json");
    change(policy["trustPolicies"][0]);
    write_file(dir + "/trustpolicy.json", policy.dump());
  }
  static Json notation_json_of(const std::string& path) {
    return must(json::parse(must(read_file(path, ByteCount{kMiB})), ByteCount{kMiB}));
  }
};

std::string pki(const std::string& name) {
  return notation_file("pki/" + name);
}

std::string der(const std::string& name) {
  const Bytes bytes = must(Certificate::from_file_bytes(pki(name))).front().der();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<TrustStore> load(const Config& config) {
  return TrustStore::load(config.dir, {TrustStoreType::kCa, "vectors"});
}

/// What happens to the case's configuration before the signature is judged with it.
const std::map<std::string, std::function<void(const Config&)>>& store_cases() {
  const auto identity = [](const char* text) {
    return [text](const Config& c) {
      c.edit_policy([&](Json& statement) {
        statement["trustedIdentities"] = Json::array({std::string("x509.subject:") + text});
      });
    };
  };
  static const std::map<std::string, std::function<void(const Config&)>> cases{
      {"der",
       [](const Config& c) {
         fs::remove(c.store + "/root.crt");
         c.add("root.cer", der("root.crt"));
       }},
      {"hidden",
       [](const Config& c) { fs::rename(c.store + "/root.crt", c.store + "/.root.crt"); }},
      {"dir_symlink",
       [](const Config& c) {
         fs::rename(c.store, c.dir + "/elsewhere");
         fs::create_directory_symlink(c.dir + "/elsewhere", c.store);
       }},
      {"file_symlink",
       [](const Config& c) {
         fs::rename(c.store + "/root.crt", c.dir + "/root.crt");
         fs::create_symlink(c.dir + "/root.crt", c.store + "/root.crt");
       }},
      {"subdir", [](const Config& c) { fs::create_directory(c.store + "/sub"); }},
      {"empty_file", [](const Config& c) { c.add("a.crt", ""); }},
      {"leaf_extra", [](const Config& c) { c.add("leaf-rsa2048.crt", pki("leaf-rsa2048.crt")); }},
      {"multi_der",
       [](const Config& c) {
         fs::remove(c.store + "/root.crt");
         c.add("two.der", der("otherroot.crt") + der("root.crt"));
       }},
      {"store_is_file",
       [](const Config& c) {
         fs::remove_all(c.store);
         write_file(c.store, pki("root.crt"));
       }},
      {"expired_root_in_store",
       [](const Config& c) { c.add("expired.pem", notation_file("pki/otherroot.crt")); }},
      {"policy_missing", [](const Config& c) { fs::remove(c.dir + "/trustpolicy.json"); }},
      {"policy_oci_name",
       [](const Config& c) {
         fs::rename(c.dir + "/trustpolicy.json", c.dir + "/trustpolicy.oci.json");
       }},
      {"policy_dir",
       [](const Config& c) {
         fs::remove(c.dir + "/trustpolicy.json");
         fs::create_directory(c.dir + "/trustpolicy.json");
       }},
      {"policy_malformed", [](const Config& c) { write_file(c.dir + "/trustpolicy.json", "{"); }},
      {"policy_trailing",
       [](const Config& c) {
         write_file(c.dir + "/trustpolicy.json",
                    notation_file("configs/strict/trustpolicy.json") + "junk");
       }},
      {"scope_nomatch",
       [](const Config& c) {
         c.edit_policy([](Json& s) { s["registryScopes"] = {"other.example/x"}; });
       }},
      {"scope_exact",
       [](const Config& c) {
         c.edit_policy([](Json& s) { s["registryScopes"] = {kScope}; });
         Json policy = Config::notation_json_of(c.dir + "/trustpolicy.json");
         policy["trustPolicies"].push_back({{"name", "rest"},
                                            {"registryScopes", {"*"}},
                                            {"signatureVerification", {{"level", "skip"}}}});
         write_file(c.dir + "/trustpolicy.json", policy.dump());
       }},
      {"skip",
       [](const Config& c) {
         write_file(c.dir + "/trustpolicy.json", notation_file("configs/skip/trustpolicy.json"));
       }},
      {"tsa_ok", [](const Config&) {}},
      {"tsa_selfsigned_nonca",
       [](const Config& c) {
         write_file(c.dir + "/truststore/x509/tsa/t/tsaroot.crt", pki("self.crt"));
       }},
      {"match_id_order", identity("CN=signer rsa2048,O=mosb vectors,ST=WA,C=US")},
      {"match_id_case", identity("C=US,ST=WA,O=MOSB vectors")},
      {"match_id_space", identity(" C = US , ST = WA , O = mosb vectors ")},
      {"match_id_innerspace", identity("C=US,ST=WA,O=mosb  vectors")},
      {"match_id_prefix", identity("C=US,ST=WA,O=mosb")},
      {"match_id_hexpair", identity("C=US,ST=WA,O=mosb\\20vectors")},
  };
  return cases;
}

TEST_CASE(
    "every trust store and policy file that notation was given is judged as notation judged "
    "it, but for the list",
    "[trust][vectors]") {
  const Json differences = test::notation_json("differences.json")["stores"];
  std::size_t judged = 0;
  for (const Json& row : test::notation_json("trust-store-cases.json")) {
    const std::string name = row.at("name");
    const bool timestamp = name.rfind("tsa_", 0) == 0;
    const Config config(timestamp ? "tsa" : "strict");
    REQUIRE(store_cases().count(name) == 1);
    store_cases().at(name)(config);
    oci::Layout layout = test::layout_with_case(
        config.temp.path() + "/layout", timestamp ? "ts_jws__tsa" : "real-rsa2048-jws-plain");
    const Verification verification = must(verify(layout,
                                                  {test::vector_subject(), kScope, {}, 100},
                                                  must(NotationConfig::open(config.dir)),
                                                  test::vector_clock()));
    INFO(name << ": " << (verification.refusal ? verification.refusal->message() : "accepted")
              << "; notation: " << row.at("final"));
    const bool notation_accepts = row.at("rc") == 0;
    CHECK(verification.refusal.has_value() ==
          (differences.contains(name) ? notation_accepts : !notation_accepts));
    if (verification.refusal) {
      CHECK(verification.refusal->code() == Errc::kPolicy);
    }
    ++judged;
  }
  CHECK(judged == 26);
}

TEST_CASE("a self-signed signing certificate may be an anchor, one that a CA issued may not",
          "[trust]") {
  const auto anchor = [](const char* file, TrustStoreType type) {
    return TrustStore::check_anchor(must(Certificate::from_file_bytes(pki(file))).front(), type)
        .has_value();
  };
  CHECK(anchor("root.crt", TrustStoreType::kCa));
  CHECK(anchor("inter.crt", TrustStoreType::kCa));
  CHECK(anchor("self.crt", TrustStoreType::kCa));
  CHECK_FALSE(anchor("leaf-rsa2048.crt", TrustStoreType::kCa));
  CHECK(anchor("tsaroot.crt", TrustStoreType::kTsa));
  CHECK_FALSE(anchor("inter.crt", TrustStoreType::kTsa));
  CHECK_FALSE(anchor("self.crt", TrustStoreType::kTsa));
  CHECK_FALSE(anchor("tsaleaf.crt", TrustStoreType::kTsa));
}

TEST_CASE("a trust store is bounded as a whole", "[trust]") {
  const Config config;
  const std::string certificate = pki("root.crt");
  const std::string text(kMaxTrustStoreFile.value - certificate.size() - 1, '-');
  const std::size_t rest = kMaxTrustStore.value - certificate.size();
  for (std::size_t i = 0; i < 3; ++i) {
    config.add("large-" + std::to_string(i) + ".crt", text + "\n" + certificate);
  }
  // Beside the three and the root that is there already.
  const std::size_t left = rest - 3 * (text.size() + 1 + certificate.size());
  const auto last = [&](std::size_t size) {
    config.add("last.crt", std::string(size - certificate.size() - 1, '-') + "\n" + certificate);
    return load(config);
  };
  CHECK(last(left));
  const auto beyond = last(left + 1);
  REQUIRE_FALSE(beyond);
  CHECK(beyond.error().code() == Errc::kPolicy);
  CHECK(beyond.error().message().find("holds more than") != std::string::npos);
}

TEST_CASE("a trust store is named, not a path", "[trust]") {
  const Config config;
  for (const char* const name : {"..", "../ca/vectors", "vectors/../vectors", ""}) {
    const auto store = TrustStore::load(config.dir, {TrustStoreType::kCa, name});
    REQUIRE_FALSE(store);
    CHECK(store.error().code() == Errc::kPolicy);
    CHECK(store.error().message().find("not a trust store name") != std::string::npos);
  }
}

TEST_CASE("a trust store that others could change is refused by the file's name", "[trust]") {
  struct Row {
    const char* name;
    std::function<void(const Config&)> spoil;
  };
  const std::vector<Row> rows{
      {"root.crt", [](const Config& c) { ::chmod((c.store + "/root.crt").c_str(), 0666); }},
      {"root.crt", [](const Config& c) { ::chmod((c.store + "/root.crt").c_str(), 0664); }},
      {"root.crt",
       [](const Config& c) { fs::create_hard_link(c.store + "/root.crt", c.dir + "/link"); }},
      {"pipe", [](const Config& c) { ::mkfifo((c.store + "/pipe").c_str(), 0600); }},
      {"vectors", [](const Config& c) { ::chmod(c.store.c_str(), 0777); }},
      {"x509'", [](const Config& c) { ::chmod((c.dir + "/truststore/x509").c_str(), 0775); }},
      {"'ca:vectors'", [](const Config& c) { fs::remove_all(c.store); }},
      {"vectors", [](const Config& c) { fs::remove(c.store + "/root.crt"); }},
      {"key.pem",
       [](const Config& c) {
         c.add("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
       }},
      {"big", [](const Config& c) { c.add("big", std::string(kMiB + 1, 'x')); }},
  };
  for (const Row& row : rows) {
    const Config config;
    REQUIRE(load(config));
    row.spoil(config);
    const auto store = load(config);
    REQUIRE_FALSE(store);
    INFO(row.name << ": " << store.error().message());
    CHECK(store.error().code() == Errc::kPolicy);
    CHECK(store.error().message().find(row.name) != std::string::npos);
  }
}

TEST_CASE("a trust store of somebody else than root and the user is refused", "[trust]") {
  if (::geteuid() != 0) {
    std::puts("SKIP a trust store of somebody else is refused: only root can give files away");
    return;
  }
  const Config config;
  REQUIRE(::chown((config.store + "/root.crt").c_str(), 12345, 12345) == 0);
  const auto store = load(config);
  REQUIRE_FALSE(store);
  CHECK(store.error().message().find("12345") != std::string::npos);
}

TEST_CASE("certificates are added to a store, listed and removed", "[trust]") {
  const Config config;
  const TrustStoreName name{TrustStoreType::kCa, "new"};
  const auto written = must(add_to_trust_store(
      config.dir, name, {notation_data("pki/root.crt"), notation_data("pki/otherroot.crt")}));
  REQUIRE(written.size() == 2);
  CHECK(must(TrustStore::load(config.dir, name)).certificates.size() == 2);

  const auto again = add_to_trust_store(config.dir, name, {notation_data("pki/root.crt")});
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::kUsage);
  const auto leaf = add_to_trust_store(
      config.dir, name, {notation_data("pki/saroot.crt"), notation_data("pki/leaf-ec256.crt")});
  REQUIRE_FALSE(leaf);
  CHECK(leaf.error().code() == Errc::kPolicy);
  CHECK(must(TrustStore::load(config.dir, name)).certificates.size() == 2);

  const auto files = must(list_trust_stores(config.dir));
  REQUIRE(files.size() == 3);
  CHECK(files[0].store.name == "new");
  CHECK(files[2].store.name == "vectors");
  CHECK(files[2].problem.empty());

  CHECK_FALSE(remove_from_trust_store(config.dir, name, {"../vectors/root.crt"}));
  CHECK_FALSE(remove_from_trust_store(config.dir, name, {"absent.crt"}));
  CHECK(remove_from_trust_store(config.dir, name, {"root.crt"}));
  CHECK(must(TrustStore::load(config.dir, name)).certificates.size() == 1);
  CHECK(remove_from_trust_store(config.dir, name, {}));
  CHECK_FALSE(fs::exists(TrustStore::path(config.dir, name)));
  CHECK_FALSE(remove_from_trust_store(config.dir, {TrustStoreType::kCa, ".."}, {}));
  CHECK(fs::exists(config.store + "/root.crt"));
}

TEST_CASE("a configuration that cannot be read is told from one that trusts nobody", "[trust]") {
  const auto readable = [](const Config& config) {
    return must(NotationConfig::open(config.dir)).check_readable(kScope);
  };
  CHECK(readable(Config()));
  const Config broken_policy;
  write_file(broken_policy.dir + "/trustpolicy.json", "{");
  CHECK_FALSE(readable(broken_policy));
  const Config elsewhere;
  elsewhere.edit_policy([](Json& statement) { statement["registryScopes"] = {"a.io/b"}; });
  CHECK(readable(elsewhere));
  const Config garbage;
  garbage.add("garbage.crt", "garbage");
  CHECK_FALSE(readable(garbage));
  for (const bool empty : {true, false}) {
    const Config vacant;
    fs::remove_all(vacant.store);
    if (empty) {
      fs::create_directory(vacant.store);
    }
    CHECK(readable(vacant));
    // One of two is more likely a mistake.
    vacant.edit_policy([](Json& statement) { statement["trustStores"] = {"ca:vectors", "ca:b"}; });
    CHECK(readable(vacant));
    fs::create_directory(vacant.dir + "/truststore/x509/ca/b");
    write_file(vacant.dir + "/truststore/x509/ca/b/root.crt", pki("root.crt"));
    const Status half = readable(vacant);
    REQUIRE_FALSE(half);
    CHECK(half.error().code() == Errc::kPolicy);
    CHECK(half.error().message().find("ca:vectors") != std::string::npos);
    vacant.edit_policy([](Json& statement) { statement["trustStores"] = {"ca:b", "ca:vectors"}; });
    CHECK_FALSE(readable(vacant));
  }
  const Config odd_place;
  fs::remove_all(odd_place.dir + "/truststore/x509/ca");
  CHECK_FALSE(readable(odd_place));
  const Config open_to_others;
  fs::permissions(open_to_others.store, fs::perms::all);
  CHECK_FALSE(readable(open_to_others));
}

}  // namespace
}  // namespace mosb::trust
