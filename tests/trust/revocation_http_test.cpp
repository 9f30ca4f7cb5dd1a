#include <array>
#include <cstdio>

#include <catch2/catch.hpp>
#include <openssl/pem.h>

#include "mosb/agent/http_web.h"
#include "mosb/base/base64.h"
#include "mosb/base/file.h"
#include "mosb/trust/ocsp_cache.h"
#include "mosb/trust/revocation.h"
#include "tests/support/test_registry.h"
#include "tests/trust/revocations.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;

std::string pem_of(const test::Identity& identity) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(out.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long length = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(length)};
}

test::Identity make_leaf(const test::Identity& root, int nid, const std::string& value) {
  test::Extensions extensions = test::code_signing_extensions();
  extensions.emplace_back(nid, value);
  return test::make_identity({"leaf", &root, extensions});
}

/// `openssl ocsp`, which knows the numbers that test certificates have: the even ones are revoked.
struct Responder {
  TempDir dir = test::make_temp_dir();
  test::TestProcess process;
  std::string port =
      must(test::wait_for_text(dir.path() + "/out", "ACCEPT [::]:", std::chrono::seconds(60)));

  explicit Responder(const test::Identity& root) : process(start(root)) {
    port = port.substr(0, port.find(' '));
  }

  /// How often it was asked, by its log.
  std::size_t answers() const {
    const std::string log = must(read_file(dir.path() + "/err", ByteCount{kMiB}));
    std::size_t count = 0;
    for (std::size_t at = 0; (at = log.find("Received request", at)) != std::string::npos; ++at) {
      ++count;
    }
    return count;
  }

 private:
  test::TestProcess start(const test::Identity& root) const {
    std::string index;
    for (int serial = 1001; serial < 1100; ++serial) {
      std::array<char, 8> hex{};
      (void)std::snprintf(hex.data(), hex.size(), "%04X", static_cast<unsigned>(serial));
      index +=
          std::string(serial % 2 == 0 ? "R\t400101000000Z\t260601000000Z" : "V\t400101000000Z\t") +
          "\t" + hex.data() + "\tunknown\t/CN=" + std::to_string(serial) + "\n";
    }
    test::write_file(dir.path() + "/index", index);
    test::write_file(dir.path() + "/root.pem", root.certificate.to_pem());
    test::write_file(dir.path() + "/root.key", pem_of(root), 0600);
    return must(test::TestProcess::start({"openssl",
                                          "ocsp",
                                          "-index",
                                          dir.path() + "/index",
                                          "-port",
                                          "0",
                                          "-CA",
                                          dir.path() + "/root.pem",
                                          "-rsigner",
                                          dir.path() + "/root.pem",
                                          "-rkey",
                                          dir.path() + "/root.key",
                                          "-nmin",
                                          "60"},
                                         dir.path() + "/out",
                                         dir.path() + "/err"));
  }
};

bool is_even(const test::Identity& identity) {
  return ASN1_INTEGER_get(X509_get0_serialNumber(identity.x509.get())) % 2 == 0;
}

TEST_CASE("openssl's OCSP responder decides over HTTP", "[trust][network]") {
  const test::Identity root = test::make_identity({"root", nullptr, test::ca_extensions()});
  const Responder responder(root);
  agent::HttpWeb web({});
  const RevocationSources sources{&web, ""};
  const std::string url = "OCSP;URI:http://localhost:" + responder.port;
  for (int i = 0; i < 2; ++i) {
    const test::Identity leaf = make_leaf(root, NID_info_access, url);
    const Status status =
        check_revocation({leaf.certificate, root.certificate}, {&sources, RealClock().now()});
    INFO((status ? "good" : status.error().message()));
    CHECK(status.has_value() != is_even(leaf));
    if (is_even(leaf)) {
      CHECK(status.error().message().find("is revoked") != std::string::npos);
    }
  }
  const test::Identity other = test::make_identity({"other", nullptr, test::ca_extensions()});
  const test::Identity stranger = make_leaf(other, NID_info_access, url);
  const Status status =
      check_revocation({stranger.certificate, other.certificate}, {&sources, RealClock().now()});
  REQUIRE_FALSE(status);
  CHECK(status.error().message().find("cannot be found out") != std::string::npos);
}

TEST_CASE("of services signed by one chain the first only asks the responder", "[trust][network]") {
  const test::Identity root = test::make_identity({"root", nullptr, test::ca_extensions()});
  const Responder responder(root);
  agent::HttpWeb web({});
  OcspCache cache;
  const RevocationSources sources{.web = &web, .cache_dir = "", .ocsp_cache = &cache};
  const std::string url = "OCSP;URI:http://localhost:" + responder.port;
  test::Identity leaf = make_leaf(root, NID_info_access, url);
  if (is_even(leaf)) {
    leaf = make_leaf(root, NID_info_access, url);
  }
  const auto judge = [&] {
    return check_revocation({leaf.certificate, root.certificate}, {&sources, RealClock().now()});
  };
  for (int i = 0; i < 3; ++i) {
    CHECK(judge());
  }
  CHECK(responder.answers() == 1);
  // Without what was remembered it is asked each time.
  const RevocationSources forgetful{&web, ""};
  CHECK(check_revocation({leaf.certificate, root.certificate}, {&forgetful, RealClock().now()}));
  CHECK(responder.answers() == 2);
}

TEST_CASE("several certificates are asked about over HTTP at the same time", "[trust][network]") {
  const test::Identity root = test::make_identity({"root", nullptr, test::ca_extensions()});
  const auto silent =
      must(test::ScriptedRegistry::start(Json::array({{{"path", "*"}, {"delay_ms", 10'000}}})));
  const std::string url = "OCSP;URI:http://" + silent.host();
  test::Extensions about = test::ca_extensions();
  about.emplace_back(NID_info_access, url);
  const test::Identity middle = test::make_identity({"middle", &root, about});
  const test::Identity low = test::make_identity({"low", &middle, about});
  const test::Identity leaf = make_leaf(low, NID_info_access, url);
  agent::HttpWeb web({});
  const RevocationSources sources{&web, ""};
  const auto begin = std::chrono::steady_clock::now();
  const Status status =
      check_revocation({leaf.certificate, low.certificate, middle.certificate, root.certificate},
                       {&sources, RealClock().now()});
  CHECK_FALSE(status);
  // Each waits for two seconds.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(4));
  CHECK(silent.requests().size() == 3);
}

TEST_CASE("a CRL decides over HTTP, and its server may be gone afterwards", "[trust][network]") {
  const test::Identity root = test::make_identity({"root", nullptr, test::ca_extensions()});
  const test::Identity other = test::make_identity({"other", &root, {}});
  const std::string crl = test::make_crl({.issuer = &root, .revoked = {{&other}}});
  const TempDir cache = test::make_temp_dir();
  agent::HttpWeb web({});
  const RevocationSources sources{&web, cache.path()};
  const auto server = must(test::ScriptedRegistry::start(Json::array(
      {{{"path", "/a.crl"}, {"times", 1}, {"body_base64", base64_encode(as_bytes(crl))}}})));
  const std::string url = "URI:http://" + server.host() + "/a.crl";
  const test::Identity leaf = make_leaf(root, NID_crl_distribution_points, url);
  for (int i = 0; i < 2; ++i) {
    const Status status =
        check_revocation({leaf.certificate, root.certificate}, {&sources, RealClock().now()});
    INFO((status ? "good" : status.error().message()));
    CHECK(status);
  }
  CHECK(server.requests().size() == 1);
}

}  // namespace
}  // namespace mosb::trust
