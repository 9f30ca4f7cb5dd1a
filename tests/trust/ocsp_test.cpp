#include <barrier>
#include <chrono>
#include <functional>
#include <map>

#include <catch2/catch.hpp>

#include "mosb/trust/ocsp_cache.h"
#include "mosb/trust/revocation.h"
#include "tests/trust/revocation_world.h"

namespace mosb::trust {
namespace {

using std::chrono::hours;
using test::kByOcsp;
using test::kCrl;
using test::kOcsp;
using test::with;
using test::World;

TEST_CASE("an OCSP responder decides, and a CRL only where it does not know", "[trust]") {
  World world(test::both());
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

TEST_CASE("a question stands in a URL so that it is one part of its path", "[trust]") {
  for (int i = 0; i < 24; ++i) {
    World world({{NID_info_access, "OCSP;URI:http://ocsp.example/"}});
    test::Extensions extensions = test::code_signing_extensions();
    extensions.emplace_back(NID_info_access, "OCSP;URI:http://ocsp.example/");
    // Questions of every length, so that each of the ends that base64 has comes up.
    world.leaf = test::make_identity({.name = "leaf",
                                      .issuer = &world.root,
                                      .extensions = extensions,
                                      .serial_bits = 8 + 8 * i});
    CHECK(world.undetermined());
    const std::string url = world.web.requests().back().url;
    INFO(url);
    constexpr std::string_view kStart = "http://ocsp.example/";
    REQUIRE(url.rfind(kStart, 0) == 0);
    CHECK(url.size() > kStart.size());
    CHECK(url.find_first_of("/+=", kStart.size()) == std::string::npos);
  }
}

TEST_CASE("an issuer that answers itself is not asked about, nor a delegate that says so",
          "[trust]") {
  // The issuer's own certificate names a CRL that nobody serves.
  test::Extensions names_crl = test::ca_extensions();
  names_crl.emplace_back(NID_crl_distribution_points, std::string("URI:") + kCrl);
  World world(kByOcsp);
  world.root = test::make_identity({"root", nullptr, names_crl});
  world.leaf = World::make_leaf(world.root, kByOcsp);
  world.served[kOcsp] =
      test::make_ocsp_response({.certificate = &world.leaf, .issuer = &world.root});
  CHECK(world.good());
  // ocsp-nocheck as the first extension of all
  const test::Identity unchecked = test::make_identity(
      {.name = "responder",
       .issuer = &world.root,
       .extensions = {{NID_id_pkix_OCSP_noCheck, "ignored"},
                      {NID_ext_key_usage, "OCSPSigning"},
                      {NID_crl_distribution_points, std::string("URI:") + kCrl}}});
  world.served[kOcsp] = test::make_ocsp_response(
      {.certificate = &world.leaf, .issuer = &world.root, .signer = &unchecked});
  CHECK(world.good());
}

TEST_CASE("a response with a date of invalidity that is none leaves it open", "[trust]") {
  World world(kByOcsp);
  world.served[kOcsp] = test::make_ocsp_response({.certificate = &world.leaf,
                                                  .issuer = &world.root,
                                                  .status = V_OCSP_CERTSTATUS_REVOKED,
                                                  .odd_date = true});
  CHECK(world.undetermined());
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
  // A success that brings nothing, and one of a type of response that nobody knows.
  const std::string success("\x0a\x01\x00", 3);
  const std::string other_type = test::der(
      0x30,
      success + test::der(0xa0,
                          test::der(0x30,
                                    test::encode(OBJ_nid2obj(NID_commonName), i2d_ASN1_OBJECT) +
                                        test::der(0x04, "x"))));
  const std::vector<std::pair<const char*, std::string>> rows{
      {"malformed", ""},
      {"malformed", "garbage"},
      {"malformed", good + "x"},
      {"malformed", good.substr(0, good.size() / 2)},
      {"too large", std::string(20 * kKiB + 1, 'x')},
      {"is an error", error},
      {"is not a basic one", test::der(0x30, success)},
      {"is not a basic one", other_type},
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

TEST_CASE("a responder's own certificate must be for that, of the issuer, valid and not revoked",
          "[trust]") {
  World world(kByOcsp);
  const test::Identity other_ca =
      test::make_identity({"another root", nullptr, test::ca_extensions()});
  const test::Extensions for_ocsp{{NID_ext_key_usage, "OCSPSigning"}};
  const auto by_crl = with(for_ocsp, NID_crl_distribution_points, std::string("URI:") + kCrl);
  const auto unchecked = with(by_crl, NID_id_pkix_OCSP_noCheck, "ignored");
  const auto delegate = [&](const test::Extensions& extensions,
                            const test::Identity* issuer = nullptr) {
    return test::make_identity({"responder", issuer == nullptr ? &world.root : issuer, extensions});
  };
  const auto verdict = [&](const test::Identity& signer) {
    world.served[kOcsp] = test::make_ocsp_response(
        {.certificate = &world.leaf, .issuer = &world.root, .signer = &signer});
    return world.verdict();
  };
  CHECK(verdict(delegate(for_ocsp)) == "good");
  CHECK(verdict(delegate(unchecked)) == "good");
  for (const char* const uses : {"", "codeSigning", "anyExtendedKeyUsage", "serverAuth"}) {
    INFO(uses);
    CHECK(verdict(delegate(with({}, NID_ext_key_usage, uses))).find("not for OCSP signing") !=
          std::string::npos);
  }
  CHECK(verdict(delegate(for_ocsp, &other_ca)).find("issuer does not know") != std::string::npos);
  CHECK(verdict(test::make_identity({.name = "responder",
                                     .issuer = &world.root,
                                     .extensions = for_ocsp,
                                     .not_before = world.now + std::chrono::seconds(1)}))
            .find("not valid before") != std::string::npos);
  // The issuer's key alone is not enough: the name must be the issuer's, too.
  CHECK(verdict(test::make_identity({.name = "responder",
                                     .issuer = &world.root,
                                     .extensions = for_ocsp,
                                     .issuer_name = "another root"}))
            .find("issuer does not know") != std::string::npos);
  // It names a CRL, and is not exempt from it.
  const test::Identity revocable = delegate(by_crl);
  CHECK(verdict(revocable).find("cannot be found out") != std::string::npos);
  world.served[kCrl] = test::make_crl({.issuer = &world.root});
  CHECK(verdict(revocable) == "good");
  world.served[kCrl] = test::make_crl({.issuer = &world.root, .revoked = {{&revocable}}});
  CHECK(verdict(revocable).find("responder's certificate: it is revoked") != std::string::npos);
  // An early signing time is about the signer's certificate only.
  const SystemTime june = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  world.signing_time = june - hours(1);
  world.served[kCrl] =
      test::make_crl({.issuer = &world.root, .revoked = {{&revocable, 1, june, june}}});
  CHECK(verdict(revocable).find("it is revoked") != std::string::npos);
}

TEST_CASE("the next responder is asked where one does not answer", "[trust]") {
  World world({{NID_info_access, std::string("OCSP;URI:http://away.example,OCSP;URI:") + kOcsp}});
  world.served[kOcsp] =
      test::make_ocsp_response({.certificate = &world.leaf, .issuer = &world.root});
  CHECK(world.good());
  CHECK(world.web.requests().size() == 2);
}

TEST_CASE("what a responder said is remembered for one run, and judged anew", "[trust]") {
  World world(kByOcsp);
  OcspCache cache;
  world.ocsp_cache = &cache;
  const auto answer = [&](const std::function<void(test::OcspRecipe&)>& change) {
    test::OcspRecipe recipe{
        .certificate = &world.leaf, .issuer = &world.root, .next_update = world.now + hours(1)};
    change(recipe);
    return test::make_ocsp_response(recipe);
  };
  SECTION("a good or revoked certificate is asked about once") {
    const bool revoked = GENERATE(false, true);
    world.served[kOcsp] = answer(
        [&](auto& r) { r.status = revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD; });
    CHECK(world.revoked() == revoked);
    world.served.clear();
    CHECK(world.revoked() == revoked);
    CHECK(world.good() == !revoked);
    CHECK(world.web.requests().size() == 1);
  }
  SECTION("until its end it counts") {
    world.served[kOcsp] = answer([&](auto& r) { r.next_update = world.now; });
    CHECK(world.good());
  }
  SECTION("after its end it does not count") {
    world.served[kOcsp] = answer([](auto&) {});
    REQUIRE(world.good());
    world.now += hours(1) + std::chrono::seconds(1);
    CHECK(world.undetermined());
    CHECK(world.web.requests().size() == 2);
  }
  SECTION("what does not count, or says nothing, is not remembered") {
    world.served[kOcsp] = answer([](auto& r) { r.unknown_critical = true; });
    CHECK(world.undetermined());
    world.served[kOcsp] = answer([](auto& r) { r.status = V_OCSP_CERTSTATUS_UNKNOWN; });
    CHECK(world.undetermined());
    world.served[kOcsp] = answer([](auto&) {});
    CHECK(world.good());
  }
  SECTION("another issuer of the same name is asked about anew") {
    world.served[kOcsp] = answer([](auto&) {});
    REQUIRE(world.good());
    world.root = test::make_identity({"root", nullptr, test::ca_extensions()});
    CHECK(world.undetermined());
  }
  SECTION("it is bounded") {
    for (std::size_t i = 0; i < 2 * OcspCache::kMost; ++i) {
      cache.keep(std::to_string(i), world.root.certificate, "x");
    }
    CHECK(cache.find(std::to_string(OcspCache::kMost - 1), world.root.certificate));
    CHECK_FALSE(cache.find(std::to_string(OcspCache::kMost), world.root.certificate));
    cache.keep("0", world.root.certificate, "y");
    CHECK(cache.find("0", world.root.certificate) == "y");
  }
}

TEST_CASE("all certificates of a chain are asked about at the same time", "[trust]") {
  constexpr int kAsked = 3;
  test::Identity root = test::make_identity({"root", nullptr, test::ca_extensions()});
  std::vector<test::Identity> path;
  for (int i = 0; i < kAsked; ++i) {
    test::Extensions about =
        i + 1 < kAsked ? test::ca_extensions() : test::code_signing_extensions();
    about.emplace_back(NID_info_access, "OCSP;URI:http://ocsp.example/" + std::to_string(i));
    path.push_back(test::make_identity({"certificate", i == 0 ? &root : &path.back(), about}));
  }
  const std::vector<Certificate> chain{
      path[2].certificate, path[1].certificate, path[0].certificate, root.certificate};
  /// Answers nobody before everybody was asked.
  struct Meeting final : Web {
    std::barrier<> all{kAsked};
    std::map<std::string, std::string> served;
    Result<WebAnswer> ask(const WebRequest& request) override {
      all.arrive_and_wait();
      const std::string place = request.url.substr(0, sizeof "http://ocsp.example/0" - 1);
      const auto found = served.find(place);
      return found == served.end() ? Result<WebAnswer>(Error(Errc::kNetwork, "silence"))
                                   : WebAnswer{"", found->second};
    }
  } web;
  const RevocationSources sources{&web, ""};
  const auto verdict = [&] {
    const Status status = check_revocation(chain, {&sources, test::vector_clock().now()});
    return status ? std::string("good") : status.error().message();
  };
  const auto serve = [&](int i, int status) {
    web.served["http://ocsp.example/" + std::to_string(i)] =
        test::make_ocsp_response({.certificate = &path[static_cast<std::size_t>(i)],
                                  .issuer = i == 0 ? &root : &path[static_cast<std::size_t>(i) - 1],
                                  .status = status});
  };
  serve(0, V_OCSP_CERTSTATUS_GOOD);
  serve(1, V_OCSP_CERTSTATUS_GOOD);
  CHECK(verdict().find("cannot be found out") != std::string::npos);
  serve(2, V_OCSP_CERTSTATUS_GOOD);
  CHECK(verdict() == "good");
  // Who is revoked stands above whoever could not be asked.
  serve(0, V_OCSP_CERTSTATUS_REVOKED);
  web.served.erase("http://ocsp.example/2");
  CHECK(verdict().find("is revoked") != std::string::npos);
  CHECK(verdict().find("found out") == std::string::npos);
}

}  // namespace
}  // namespace mosb::trust
