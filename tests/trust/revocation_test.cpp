#include "mosb/trust/revocation.h"

#include <filesystem>
#include <functional>
#include <utility>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "mosb/base/digest.h"
#include "mosb/base/file.h"
#include "mosb/base/json.h"
#include "mosb/trust/crl.h"
#include "tests/trust/revocation_world.h"

namespace mosb::trust {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using test::kByCrl;
using test::kCrl;
using test::must;
using test::World;

constexpr char kDelta[] = "http://crl.example/delta.crl";

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

TEST_CASE("where silence passes only what is known to be revoked does not", "[trust]") {
  World world(kByCrl);
  RevocationSources sources{.web = &world.web, .cache_dir = ""};
  const auto passes = [&] {
    return check_revocation({world.leaf.certificate, world.root.certificate}, {&sources, world.now})
        .has_value();
  };
  CHECK_FALSE(passes());
  sources.silence_passes = true;
  CHECK(passes());
  world.served[kCrl] = test::make_crl({.issuer = &world.root, .revoked = {{&world.leaf}}});
  CHECK_FALSE(passes());
  // Of two certificates one is not known of, and the other one is revoked.
  test::Extensions about = test::ca_extensions();
  about.emplace_back(NID_crl_distribution_points, "URI:http://crl.example/away.crl");
  const test::Identity middle = test::make_identity({"middle", &world.root, about});
  const test::Identity leaf = World::make_leaf(middle, kByCrl);
  world.served[kCrl] = test::make_crl({.issuer = &middle, .revoked = {{&leaf}}});
  const Status status = check_revocation(
      {leaf.certificate, middle.certificate, world.root.certificate}, {&sources, world.now});
  REQUIRE_FALSE(status);
  CHECK(status.error().message().find("is revoked") != std::string::npos);
  world.served[kCrl] = test::make_crl({.issuer = &middle});
  CHECK(check_revocation({leaf.certificate, middle.certificate, world.root.certificate},
                         {&sources, world.now}));
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
    World world(by_crl ? kByCrl : test::kByOcsp);
    if (by_crl) {
      world.served[kCrl] =
          test::make_crl({.issuer = &world.root, .revoked = {{&world.leaf, 1, june, june}}});
    } else {
      world.served[test::kOcsp] = test::make_ocsp_response({.certificate = &world.leaf,
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
    // Without that date it was never good.
    world.signing_time = june - hours(1);
    if (by_crl) {
      world.served[kCrl] =
          test::make_crl({.issuer = &world.root, .revoked = {{&world.leaf, 1, june}}});
    } else {
      world.served[test::kOcsp] = test::make_ocsp_response(
          {.certificate = &world.leaf, .issuer = &world.root, .status = V_OCSP_CERTSTATUS_REVOKED});
    }
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

TEST_CASE("a CRL counts in the second of its nextUpdate, and is not larger than 32 MiB",
          "[trust]") {
  World world(kByCrl);
  world.served[kCrl] = test::make_crl({.issuer = &world.root, .next_update = world.now});
  CHECK(world.good());
  world.served[kCrl] = std::string(kMaxCrl.value + 1, 'x');
  CHECK(world.verdict().find("too large") != std::string::npos);
}

TEST_CASE("a CRL about one kind of certificates says nothing about the other", "[trust]") {
  const auto verdict = [](const test::Extensions& leaf_extensions, const char* scope) {
    const test::Identity root = test::make_identity({"root", nullptr, test::ca_extensions()});
    test::Extensions about = leaf_extensions;
    about.insert(about.end(), kByCrl.begin(), kByCrl.end());
    const test::Identity asked = test::make_identity({"asked", &root, about});
    const std::string crl =
        test::make_crl({.issuer = &root, .extensions = {{NID_issuing_distribution_point, scope}}});
    test::ScriptedWeb web([&](const WebRequest&) -> Result<WebAnswer> {
      return WebAnswer{"", crl};
    });
    const RevocationSources sources{&web, ""};
    return check_revocation({asked.certificate, root.certificate},
                            {&sources, test::vector_clock().now()})
        .has_value();
  };
  const test::Extensions without =
      test::with(test::code_signing_extensions(), NID_basic_constraints, "");
  CHECK(verdict(test::ca_extensions(), "critical,onlyCA:TRUE"));
  CHECK_FALSE(verdict(test::ca_extensions(), "critical,onlyuser:TRUE"));
  for (const test::Extensions& leaf : {test::code_signing_extensions(), without}) {
    CHECK(verdict(leaf, "critical,onlyuser:TRUE"));
    CHECK_FALSE(verdict(leaf, "critical,onlyCA:TRUE"));
  }
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
  for (const std::string& bad :
       {delta(std::nullopt, 6),
        delta(5, 5),
        delta(6, 7),
        delta(5, std::nullopt),
        test::make_crl(
            {.issuer = &world.root, .number = 6, .delta_base = 5, .key_of = &world.leaf}),
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

TEST_CASE("a CRL is kept with its changes, and without them it does not count", "[trust]") {
  World world(kByCrl);
  world.cache_dir = world.temp.path() + "/cache";
  world.served[kCrl] =
      test::make_crl({.issuer = &world.root,
                      .number = 5,
                      .extensions = {{NID_freshest_crl, std::string("URI:") + kDelta}}});
  world.served[kDelta] = test::make_crl({.issuer = &world.root, .number = 6, .delta_base = 5});
  REQUIRE(world.good());
  const auto served = std::exchange(world.served, {});
  CHECK(world.good());
  CHECK(world.web.requests().size() == 2);
  const std::string file = world.cache_dir + "/crl/" + Digest::of(std::string_view(kCrl)).hex();
  Json kept = Json::parse(must(read_file(file, ByteCount{kMiB})));
  REQUIRE(kept.erase("deltaCRL") == 1);
  test::write_file(file, kept.dump(), 0600);
  CHECK(world.undetermined());
  world.served = served;
  CHECK(world.good());
}

TEST_CASE("of several places of changes the first that has them is enough", "[trust]") {
  World world(kByCrl);
  world.served[kCrl] =
      test::make_crl({.issuer = &world.root,
                      .number = 5,
                      .extensions = {{NID_freshest_crl,
                                      std::string("URI:http://crl.example/away,URI:") + kDelta}}});
  world.served[kDelta] = test::make_crl({.issuer = &world.root, .number = 6, .delta_base = 5});
  CHECK(world.good());
}

TEST_CASE("reasons and dates of invalidity may be critical", "[trust]") {
  const SystemTime june = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  World world(kByCrl);
  world.served[kCrl] = test::make_crl(
      {.issuer = &world.root,
       .revoked = {
           {.identity = &world.leaf, .reason = 1, .invalid_since = june, .critical = true}}});
  CHECK(world.revoked());
  world.signing_time = june - hours(1);
  CHECK(world.good());
}

TEST_CASE("a certificate may name eight servers of a kind, and no more", "[trust]") {
  const auto urls = [](const std::string& prefix, const std::string& url, int count) {
    std::string list;
    for (int i = 0; i < count; ++i) {
      list += (i == 0 ? "" : ",") + prefix + "URI:" + url;
    }
    return list;
  };
  for (const int count : {8, 9}) {
    World by_crl({{NID_crl_distribution_points, urls("", kCrl, count)}});
    by_crl.served[kCrl] = test::make_crl({.issuer = &by_crl.root});
    CHECK(by_crl.good() == (count == 8));
    World by_ocsp({{NID_info_access, urls("OCSP;", test::kOcsp, count)}});
    by_ocsp.served[test::kOcsp] =
        test::make_ocsp_response({.certificate = &by_ocsp.leaf, .issuer = &by_ocsp.root});
    CHECK(by_ocsp.good() == (count == 8));
    // the same of a responder that is not the issuer
    World delegated(test::kByOcsp);
    const test::Identity responder =
        test::make_identity({.name = "responder",
                             .issuer = &delegated.root,
                             .extensions = {{NID_ext_key_usage, "OCSPSigning"},
                                            {NID_crl_distribution_points, urls("", kCrl, count)}}});
    delegated.served[kCrl] = test::make_crl({.issuer = &delegated.root});
    delegated.served[test::kOcsp] = test::make_ocsp_response(
        {.certificate = &delegated.leaf, .issuer = &delegated.root, .signer = &responder});
    CHECK(delegated.good() == (count == 8));
  }
}

TEST_CASE("the scheme of a URL may be written in capitals, and something must follow it",
          "[trust]") {
  World capitals({{NID_crl_distribution_points, "URI:HTTP://crl.example/a.crl"}});
  capitals.served["HTTP://crl.example/a.crl"] = test::make_crl({.issuer = &capitals.root});
  CHECK(capitals.good());
  World nothing({{NID_crl_distribution_points, "URI:http://"}});
  CHECK(nothing.undetermined());
  CHECK(nothing.web.requests().empty());
}

TEST_CASE("what was settled before is asked nobody, and of two doubts the first is told",
          "[trust]") {
  World world({});
  test::Extensions about = test::ca_extensions();
  about.insert(about.end(), kByCrl.begin(), kByCrl.end());
  const test::Identity middle = test::make_identity({"middle", &world.root, about});
  const test::Identity leaf = World::make_leaf(middle, kByCrl);
  const std::vector<Certificate> chain{
      leaf.certificate, middle.certificate, world.root.certificate};
  RevocationSources sources{.web = &world.web, .cache_dir = ""};
  const Status status = check_revocation(chain, {&sources, world.now});
  REQUIRE_FALSE(status);
  CHECK(status.error().message().find("CN=leaf") != std::string::npos);
  const std::size_t asked = world.web.requests().size();
  CHECK(asked == 2);
  sources.is_settled = true;
  CHECK(check_revocation(chain, {&sources, world.now}));
  CHECK(world.web.requests().size() == asked);
}

}  // namespace
}  // namespace mosb::trust
