#include "mosb/trust/revocation.h"

#include <filesystem>
#include <functional>
#include <map>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "mosb/base/digest.h"
#include "mosb/base/file.h"
#include "mosb/trust/crl.h"
#include "tests/trust/revocations.h"
#include "tests/trust/scripted_web.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using test::must;

constexpr char kCrl[] = "http://crl.example/a.crl";
constexpr char kDelta[] = "http://crl.example/delta.crl";
constexpr char kOcsp[] = "http://ocsp.example";

/// A chain whose leaf says who can be asked about it, and those who answer.
struct World {
  test::Identity root = test::make_identity({"root", nullptr, test::ca_extensions()});
  test::Identity leaf;
  std::map<std::string, std::string> served;
  TempDir temp = test::make_temp_dir();
  SystemTime now = test::vector_clock().now();
  std::optional<SystemTime> signing_time = {};
  std::string cache_dir = {};
  test::ScriptedWeb web{[this](const WebRequest& request) -> Result<WebAnswer> {
    for (const auto& [url, bytes] : served) {
      const bool ocsp = url.find("ocsp") != std::string::npos;
      if (request.url == url || (ocsp && request.url.rfind(url + "/", 0) == 0)) {
        return WebAnswer{"", bytes};
      }
    }
    return Error(Errc::kNetwork, "the server answered 404");
  }};

  explicit World(const test::Extensions& about) : leaf(make_leaf(root, about)) {}

  static test::Identity make_leaf(const test::Identity& root, const test::Extensions& about) {
    test::Extensions extensions = test::code_signing_extensions();
    extensions.insert(extensions.end(), about.begin(), about.end());
    return test::make_identity({"leaf", &root, extensions});
  }
  std::string verdict() {
    const RevocationSources sources{&web, cache_dir};
    const Status status =
        check_revocation({leaf.certificate, root.certificate},
                         {.sources = &sources, .now = now, .signing_time = signing_time});
    return status ? "good" : status.error().message();
  }
  bool good() { return verdict() == "good"; }
  bool revoked() { return verdict().find("is revoked") != std::string::npos && !undetermined(); }
  bool undetermined() { return verdict().find("cannot be found out") != std::string::npos; }
};

const test::Extensions kByCrl{{NID_crl_distribution_points, std::string("URI:") + kCrl}};
const test::Extensions kByOcsp{{NID_info_access, std::string("OCSP;URI:") + kOcsp}};

test::Extensions both() {
  test::Extensions extensions = kByCrl;
  extensions.insert(extensions.end(), kByOcsp.begin(), kByOcsp.end());
  return extensions;
}

TEST_CASE("a certificate that names nobody to ask is not revoked, and nobody is asked", "[trust]") {
  World world({});
  CHECK(world.good());
  CHECK(world.web.requests().empty());
}

TEST_CASE("what nobody can be asked about is not taken for good", "[trust]") {
  World world(kByCrl);
  const Status status =
      check_revocation({world.leaf.certificate, world.root.certificate}, {nullptr, world.now});
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == Errc::kSignature);
  CHECK(status.error().message().find("cannot be found out") != std::string::npos);
}

TEST_CASE("a CRL decides about the certificates that it lists", "[trust]") {
  World world(kByCrl);
  const test::Identity other = test::make_identity({"other", &world.root, {}});
  CHECK(world.undetermined());
  world.served[kCrl] = test::make_crl({.issuer = &world.root, .revoked = {{&other}}});
  CHECK(world.good());
  world.served[kCrl] =
      test::make_crl({.issuer = &world.root, .revoked = {{&other}, {&world.leaf}}});
  CHECK(world.revoked());
  CHECK(world.web.requests().back().timeout == std::chrono::seconds(5));
  CHECK(world.web.requests().back().max_answer.value == kMaxCrl.value);
}

TEST_CASE("holds and their ends: the newest decides, and other reasons stay", "[trust]") {
  const SystemTime june = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  constexpr long kKeyCompromise = 1;
  constexpr long kHold = 6;
  constexpr long kRemoved = 8;
  World world(kByCrl);
  const auto with = [&](std::vector<test::RevokedRecipe> entries) {
    for (test::RevokedRecipe& entry : entries) {
      entry.identity = &world.leaf;
    }
    world.served[kCrl] = test::make_crl({.issuer = &world.root, .revoked = std::move(entries)});
  };
  with({{nullptr, kHold, june}});
  CHECK(world.revoked());
  with({{nullptr, kHold, june}, {nullptr, kRemoved, june + hours(1)}});
  CHECK(world.good());
  with({{nullptr, kHold, june + hours(1)}, {nullptr, kRemoved, june}});
  CHECK(world.revoked());
  with({{nullptr, kHold, june}, {nullptr, kRemoved, june}});
  CHECK(world.revoked());
  with({{nullptr, kKeyCompromise, june}, {nullptr, kRemoved, june + hours(1)}});
  CHECK(world.revoked());
}

TEST_CASE("a certificate that became invalid after an authentic signing time was good then",
          "[trust]") {
  const SystemTime june = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  for (const bool by_crl : {true, false}) {
    World world(by_crl ? kByCrl : kByOcsp);
    if (by_crl) {
      world.served[kCrl] =
          test::make_crl({.issuer = &world.root, .revoked = {{&world.leaf, 1, june, june}}});
    } else {
      world.served[kOcsp] = test::make_ocsp_response({.certificate = &world.leaf,
                                                      .issuer = &world.root,
                                                      .status = V_OCSP_CERTSTATUS_REVOKED,
                                                      .invalid_since = june});
    }
    INFO(by_crl);
    CHECK(world.revoked());
    world.signing_time = june - hours(1);
    CHECK(world.good());
    world.signing_time = june;
    CHECK(world.revoked());
  }
}

TEST_CASE("a CRL that does not count leaves open whether a certificate is revoked", "[trust]") {
  World world(kByCrl);
  const test::Identity other_root = test::make_identity({"root", nullptr, test::ca_extensions()});
  const test::Identity other_name =
      test::make_identity({"another root", nullptr, test::ca_extensions()});
  const auto crl = [&](const std::function<void(test::CrlRecipe&)>& change) {
    test::CrlRecipe recipe{.issuer = &world.root};
    change(recipe);
    return test::make_crl(recipe);
  };
  const std::string good = crl([](auto&) {});
  world.served[kCrl] = good;
  REQUIRE(world.good());
  std::string flipped = good;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  const std::vector<std::pair<const char*, std::string>> rows{
      {"malformed", ""},
      {"malformed", "garbage"},
      {"malformed", good + "x"},
      {"malformed", good.substr(0, good.size() / 2)},
      {"invalid signature", flipped},
      {"invalid signature", crl([&](auto& r) { r.key_of = &other_root; })},
      {"another issuer", crl([&](auto& r) {
         r.issuer = &other_name;
         r.key_of = &world.root;
       })},
      {"algorithm", crl([](auto& r) { r.hash = EVP_sha1(); })},
      {"counted until", crl([&](auto& r) { r.next_update = world.now - std::chrono::seconds(1); })},
      {"how long", crl([](auto& r) { r.next_update = std::nullopt; })},
      {"not known", crl([](auto& r) {
         r.extensions = {{NID_undef, ""}};
       })},
      {"indirect", crl([](auto& r) {
         r.extensions = {{NID_issuing_distribution_point, "critical,indirectCRL:TRUE"}};
       })},
      {"not about", crl([](auto& r) {
         r.extensions = {{NID_issuing_distribution_point, "critical,onlyCA:TRUE"}};
       })},
      {"not about", crl([](auto& r) {
         r.extensions = {{NID_issuing_distribution_point, "critical,onlyAA:TRUE"}};
       })},
      {"not about", crl([](auto& r) {
         r.extensions = {
             {NID_issuing_distribution_point, "critical,onlysomereasons:keyCompromise"}};
       })},
      {"delta where", crl([](auto& r) { r.delta_base = 1; })},
      {"not known", crl([&](auto& r) {
         r.revoked = {{.identity = &world.leaf, .reason = 8, .unknown_critical = true}};
       })},
  };
  for (const auto& [reason, bytes] : rows) {
    world.served[kCrl] = bytes;
    const std::string verdict = world.verdict();
    INFO(reason << ": " << verdict);
    CHECK(world.undetermined());
    CHECK(verdict.find(reason) != std::string::npos);
  }
  world.served[kCrl] = crl([](auto& r) {
    r.extensions = {{NID_issuing_distribution_point, "critical,onlyuser:TRUE"}};
  });
  CHECK(world.good());
}

TEST_CASE("an authority that may not sign CRLs signs none", "[trust]") {
  World world(kByCrl);
  world.root = test::make_identity(
      {"root", nullptr, test::with(test::ca_extensions(), NID_key_usage, "critical,keyCertSign")});
  world.leaf = World::make_leaf(world.root, kByCrl);
  world.served[kCrl] = test::make_crl({.issuer = &world.root});
  CHECK(world.verdict().find("may not sign") != std::string::npos);
}

TEST_CASE("changes of a CRL are asked for where the CRL names them, and must fit it", "[trust]") {
  World world(kByCrl);
  const test::Extensions names_delta{{NID_freshest_crl, std::string("URI:") + kDelta}};
  world.served[kCrl] =
      test::make_crl({.issuer = &world.root, .number = 5, .extensions = names_delta});
  CHECK(world.undetermined());
  const auto delta = [&](std::optional<long> base,
                         std::optional<long> number,
                         std::vector<test::RevokedRecipe> revoked = {}) {
    return test::make_crl({.issuer = &world.root,
                           .revoked = std::move(revoked),
                           .number = number,
                           .delta_base = base});
  };
  world.served[kDelta] = delta(5, 6);
  CHECK(world.good());
  world.served[kDelta] = delta(4, 7, {{&world.leaf}});
  CHECK(world.revoked());
  for (const std::string& bad : {delta(std::nullopt, 6),
                                 delta(5, 5),
                                 delta(6, 7),
                                 delta(5, std::nullopt),
                                 std::string("garbage")}) {
    world.served[kDelta] = bad;
    INFO(world.verdict());
    CHECK(world.undetermined());
  }
  world.served[kDelta] = delta(5, 6);
  world.served[kCrl] =
      test::make_crl({.issuer = &world.root, .number = {}, .extensions = names_delta});
  CHECK(world.undetermined());
}

TEST_CASE("a certificate that names changes which its CRL does not is left open", "[trust]") {
  test::Extensions about = kByCrl;
  about.emplace_back(NID_freshest_crl, std::string("URI:") + kDelta);
  World world(about);
  world.served[kCrl] = test::make_crl({.issuer = &world.root});
  CHECK(world.undetermined());
}

TEST_CASE("every CRL that a certificate names must be there", "[trust]") {
  World world({{NID_crl_distribution_points,
                std::string("URI:") + kCrl + ",URI:http://crl.example/b.crl"}});
  world.served[kCrl] = test::make_crl({.issuer = &world.root});
  CHECK(world.undetermined());
  world.served["http://crl.example/b.crl"] = world.served[kCrl];
  CHECK(world.good());
  world.served["http://crl.example/b.crl"] =
      test::make_crl({.issuer = &world.root, .revoked = {{&world.leaf}}});
  CHECK(world.revoked());
}

TEST_CASE("only plain http is asked", "[trust]") {
  for (const char* const url : {"https://crl.example/a.crl", "ldap://x", "file:///etc/passwd"}) {
    World world({{NID_crl_distribution_points, std::string("URI:") + url}});
    CHECK(world.undetermined());
    World by_ocsp({{NID_info_access, std::string("OCSP;URI:") + url}});
    CHECK(by_ocsp.undetermined());
    CHECK(world.web.requests().empty());
    CHECK(by_ocsp.web.requests().empty());
  }
}

TEST_CASE("a CRL is kept for the owner only until it must be renewed", "[trust]") {
  World world(kByCrl);
  world.cache_dir = world.temp.path() + "/cache";
  world.served[kCrl] = test::make_crl({.issuer = &world.root, .next_update = world.now + hours(1)});
  REQUIRE(world.good());
  const std::string file = world.cache_dir + "/crl/" + Digest::of(std::string_view(kCrl)).hex();
  struct stat info {};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0600);
  REQUIRE(::stat((world.cache_dir + "/crl").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777U) == 0700);
  world.served.clear();
  CHECK(world.good());
  CHECK(world.web.requests().size() == 1);
  world.now += hours(1) + std::chrono::seconds(1);
  CHECK(world.undetermined());
}

TEST_CASE("a damaged cache does no harm, and a cached CRL is judged like any other", "[trust]") {
  World world(kByCrl);
  world.cache_dir = world.temp.path() + "/cache";
  const std::string good = test::make_crl({.issuer = &world.root});
  const test::Identity other = test::make_identity({"root", nullptr, test::ca_extensions()});
  const std::string file = world.cache_dir + "/crl/" + Digest::of(std::string_view(kCrl)).hex();
  world.served[kCrl] = good;
  REQUIRE(world.good());
  const std::string kept = must(read_file(file, ByteCount{kMiB}));
  World stranger(kByCrl);
  stranger.cache_dir = world.temp.path() + "/stranger";
  stranger.served[kCrl] = test::make_crl({.issuer = &stranger.root});
  REQUIRE(stranger.good());
  const std::string foreign = must(read_file(
      stranger.cache_dir + "/crl/" + fs::path(file).filename().string(), ByteCount{kMiB}));
  for (const std::string& damage : {std::string(),
                                    std::string("{"),
                                    std::string("[]"),
                                    std::string("{}"),
                                    std::string(R"({"baseCRL":"?"})"),
                                    std::string(R"({"baseCRL":"AAAA"})"),
                                    kept.substr(0, kept.size() / 2),
                                    foreign}) {
    test::write_file(file, damage, 0600);
    world.served[kCrl] = good;
    INFO(damage.substr(0, 40));
    CHECK(world.good());
    test::write_file(file, damage, 0600);
    world.served.clear();
    CHECK(world.undetermined());
  }
  fs::remove_all(world.cache_dir);
  test::write_file(world.cache_dir, "no directory");
  world.served[kCrl] = good;
  CHECK(world.good());
}

TEST_CASE("an OCSP responder decides, and a CRL only where it does not know", "[trust]") {
  World world(both());
  const auto answer = [&](int status) {
    return test::make_ocsp_response(
        {.certificate = &world.leaf, .issuer = &world.root, .status = status});
  };
  world.served[kOcsp] = answer(V_OCSP_CERTSTATUS_GOOD);
  CHECK(world.good());
  world.served[kCrl] = test::make_crl({.issuer = &world.root, .revoked = {{&world.leaf}}});
  CHECK(world.good());
  world.served[kOcsp] = answer(V_OCSP_CERTSTATUS_UNKNOWN);
  CHECK(world.revoked());
  world.served.erase(kOcsp);
  CHECK(world.revoked());
  world.served[kCrl] = test::make_crl({.issuer = &world.root});
  CHECK(world.good());
  world.served[kOcsp] = answer(V_OCSP_CERTSTATUS_REVOKED);
  CHECK(world.revoked());
  world.served.clear();
  CHECK(world.undetermined());
}

TEST_CASE("a responder is asked by GET where the question fits, and by POST otherwise", "[trust]") {
  World world(kByOcsp);
  CHECK(world.undetermined());
  const WebRequest request = world.web.requests().back();
  CHECK(request.url.rfind(std::string(kOcsp) + "/M", 0) == 0);
  CHECK(request.url.find_first_of("+=", sizeof kOcsp) == std::string::npos);
  CHECK_FALSE(request.content);
  CHECK(request.timeout == std::chrono::seconds(2));
  CHECK(request.max_answer.value == 20 * kKiB);
  test::Extensions extensions = test::code_signing_extensions();
  extensions.insert(extensions.end(), kByOcsp.begin(), kByOcsp.end());
  world.leaf = test::make_identity(
      {.name = "leaf", .issuer = &world.root, .extensions = extensions, .serial_bits = 1600});
  world.served[kOcsp] =
      test::make_ocsp_response({.certificate = &world.leaf, .issuer = &world.root});
  CHECK(world.good());
  const WebRequest& posted = world.web.requests().back();
  CHECK(posted.url == kOcsp);
  REQUIRE(posted.content);
  CHECK(posted.content->media_type == "application/ocsp-request");
  CHECK(posted.content->bytes.size() > 200);
}

TEST_CASE("an OCSP response that does not count leaves open whether a certificate is revoked",
          "[trust]") {
  World world(kByOcsp);
  const test::Identity other = test::make_identity({"other", &world.root, {}});
  const test::Identity stranger = test::make_identity({"root", nullptr, test::ca_extensions()});
  const auto delegate = [&](const test::Extensions& extensions,
                            const test::Identity* issuer,
                            SystemTime until =
                                std::chrono::sys_days(std::chrono::year(2040) / 1 / 1)) {
    return test::make_identity(
        {.name = "responder", .issuer = issuer, .extensions = extensions, .not_after = until});
  };
  const test::Extensions ocsp_signing{{NID_ext_key_usage, "OCSPSigning"}};
  const test::Identity good_delegate = delegate(ocsp_signing, &world.root);
  const test::Identity plain = delegate({}, &world.root);
  const test::Identity foreign = delegate(ocsp_signing, &stranger);
  const test::Identity expired =
      delegate(ocsp_signing, &world.root, world.now - std::chrono::seconds(1));
  const auto answer = [&](const std::function<void(test::OcspRecipe&)>& change) {
    test::OcspRecipe recipe{.certificate = &world.leaf, .issuer = &world.root};
    change(recipe);
    return test::make_ocsp_response(recipe);
  };
  const std::string good = answer([](auto&) {});
  world.served[kOcsp] = good;
  REQUIRE(world.good());
  world.served[kOcsp] = answer([&](auto& r) { r.signer = &good_delegate; });
  REQUIRE(world.good());
  const std::string error("\x30\x03\x0a\x01\x06", 5);
  const std::vector<std::pair<const char*, std::string>> rows{
      {"malformed", ""},
      {"malformed", "garbage"},
      {"malformed", good + "x"},
      {"malformed", good.substr(0, good.size() / 2)},
      {"too large", std::string(20 * kKiB + 1, 'x')},
      {"is an error", error},
      {"another certificate", answer([&](auto& r) { r.certificate = &other; })},
      {"does not count any more", answer([](auto& r) { r.next_update = std::nullopt; })},
      {"does not count any more",
       answer([&](auto& r) { r.next_update = world.now - std::chrono::seconds(1); })},
      {"does not know", answer([](auto& r) { r.status = V_OCSP_CERTSTATUS_UNKNOWN; })},
      {"not known", answer([](auto& r) { r.unknown_critical = true; })},
      {"algorithm", answer([](auto& r) { r.hash = EVP_sha1(); })},
      {"not for OCSP signing", answer([&](auto& r) { r.signer = &plain; })},
      {"issuer does not know", answer([&](auto& r) { r.signer = &foreign; })},
      {"invalid signature", answer([&](auto& r) { r.signer = &stranger; })},
      {"expired", answer([&](auto& r) { r.signer = &expired; })},
      {"does not hold", answer([&](auto& r) {
         r.signer = &good_delegate;
         r.holds_signer = false;
       })},
  };
  for (const auto& [reason, bytes] : rows) {
    world.served[kOcsp] = bytes;
    const std::string verdict = world.verdict();
    INFO(reason << ": " << verdict);
    CHECK(world.undetermined());
    CHECK(verdict.find(reason) != std::string::npos);
  }
  // The signature stands before the certificates; without them it is the end.
  std::string flipped = answer([](auto& r) { r.holds_signer = false; });
  world.served[kOcsp] = flipped;
  REQUIRE(world.good());
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  world.served[kOcsp] = flipped;
  CHECK(world.verdict().find("invalid signature") != std::string::npos);
}

TEST_CASE("the next responder is asked where one does not answer", "[trust]") {
  World world({{NID_info_access, std::string("OCSP;URI:http://away.example,OCSP;URI:") + kOcsp}});
  world.served[kOcsp] =
      test::make_ocsp_response({.certificate = &world.leaf, .issuer = &world.root});
  CHECK(world.good());
  CHECK(world.web.requests().size() == 2);
}

TEST_CASE("an intermediate authority is asked about, the root is not", "[trust]") {
  World world({});
  test::Extensions about = test::ca_extensions();
  about.insert(about.end(), kByCrl.begin(), kByCrl.end());
  const test::Identity middle = test::make_identity({"middle", &world.root, about});
  const test::Identity leaf = World::make_leaf(middle, {});
  const RevocationSources sources{&world.web, ""};
  const auto verdict = [&] {
    return check_revocation({leaf.certificate, middle.certificate, world.root.certificate},
                            {&sources, world.now})
        .has_value();
  };
  CHECK_FALSE(verdict());
  world.served[kCrl] = test::make_crl({.issuer = &world.root});
  CHECK(verdict());
  world.served[kCrl] = test::make_crl({.issuer = &world.root, .revoked = {{&middle}}});
  CHECK_FALSE(verdict());
}

}  // namespace
}  // namespace mosb::trust
