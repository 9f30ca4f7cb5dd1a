#include <filesystem>

#include <catch2/catch.hpp>

#include "mosb/agent/http_web.h"
#include "mosb/base/file.h"
#include "mosb/oci/layout.h"
#include "mosb/trust/sign.h"
#include "mosb/trust/verify.h"
#include "tests/support/test_process.h"
#include "tests/trust/notation.h"
#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using test::must;
using test::run_notation;

constexpr char kScope[] = "local/mosb";

/// `openssl ts -reply` behind HTTP on loopback.
struct RealAuthority {
  TempDir dir = test::make_temp_dir();
  test::TestProcess process = must(test::TestProcess::start(
      {"python3", MOSB_TIMESTAMP_AUTHORITY, dir.path()}, dir.path() + "/out", dir.path() + "/err"));
  std::string port = must(test::wait_for_text(dir.path() + "/out", "", std::chrono::seconds(120)));

  std::string url() const { return "http://127.0.0.1:" + port; }
  std::string root() const { return dir.path() + "/root.pem"; }
};

/// Asks for timestamps in every statement of a configuration.
void trust_authority(const std::string& config, const std::string& root) {
  const std::string dir = config + "/truststore/x509/tsa/stamps";
  std::filesystem::create_directories(dir);
  std::filesystem::copy_file(root, dir + "/root.pem");
  for (const char* const name : {"/trustpolicy.json", "/trustpolicy.oci.json"}) {
    if (!std::filesystem::exists(config + name)) {
      continue;
    }
    Json policy =
        must(json::parse(must(read_file(config + name, ByteCount{kMiB})), ByteCount{kMiB}));
    for (Json& statement : policy["trustPolicies"]) {
      statement["trustStores"].push_back("tsa:stamps");
      statement["signatureVerification"]["verifyTimestamp"] = "always";
    }
    test::write_file(config + name, policy.dump());
  }
}

struct Image {
  test::NotationSigner signer = test::make_notation_signer(SignatureAlgorithm::kEs384);
  std::string dir = signer.temp.path() + "/layout";
  oci::Layout layout = must(oci::Layout::open_or_create(dir));
  oci::Descriptor image = test::push_image(layout, "v1");
  RealClock clock;

  const std::string& config() const { return signer.keyset.notation_dir; }
  std::string pinned() const { return dir + "@" + image.digest.str(); }
  Completed verify_theirs() const {
    return run_notation(config(), {"verify", "--oci-layout", "--scope", kScope, pinned()});
  }
  Verification verify_ours() const {
    oci::Layout fresh = must(oci::Layout::open(dir));
    return must(
        verify(fresh, {image, kScope, {}, 100}, must(NotationConfig::open(config())), clock));
  }
};

TEST_CASE("notation accepts a timestamp that mosb got from openssl's authority",
          "[trust][network]") {
  const RealAuthority authority;
  Image it;
  trust_authority(it.config(), authority.root());
  agent::HttpWeb web({});
  const RevocationSources sources{&web, ""};
  const SigningKey key =
      must(load_signing_key(it.signer.keyset.signing_key, it.signer.keyset.signing_chain));
  SignRequest request{it.image, key, std::nullopt, {}};
  must(sign(it.layout, request, it.clock));
  CHECK(it.verify_theirs().status != 0);
  CHECK(it.verify_ours().refusal);
  request.timestamp_authority =
      TimestampAuthority{authority.url(), must(load_timestamp_root(authority.root())), &sources};
  must(sign(it.layout, request, it.clock));
  const Completed done = it.verify_theirs();
  INFO(done.out << done.err);
  CHECK(done.status == 0);
  const Verification ours = it.verify_ours();
  INFO((ours.refusal ? ours.refusal->message() : ""));
  CHECK_FALSE(ours.refusal);
}

TEST_CASE("mosb accepts a timestamp that notation got from openssl's authority",
          "[trust][network]") {
  const RealAuthority authority;
  Image it;
  trust_authority(it.config(), authority.root());
  const Completed done = run_notation(it.config(),
                                      {"sign",
                                       "--oci-layout",
                                       "--timestamp-url",
                                       authority.url(),
                                       "--timestamp-root-cert",
                                       authority.root(),
                                       it.pinned()});
  INFO(done.out << done.err);
  REQUIRE(done.status == 0);
  const Verification ours = it.verify_ours();
  INFO((ours.refusal ? ours.refusal->message() : ""));
  CHECK_FALSE(ours.refusal);
}

}  // namespace
}  // namespace mosb::trust
