#include <catch2/catch.hpp>
#include <openssl/pem.h>

#include "mosb/trust/revocation.h"
#include "mosb/trust/sign.h"
#include "mosb/trust/verify.h"
#include "tests/trust/revocation_world.h"

namespace mosb::trust {
namespace {

using std::chrono::hours;
using test::kCrl;
using test::must;
using test::World;

/// A signature by a certificate that a CRL decides about, under a policy that trusts its root.
struct SignedThing {
  World world{test::kByCrl};
  TempDir temp = test::make_temp_dir();
  std::string config = temp.path() + "/config";
  oci::Layout layout = test::layout_with_case(temp.path() + "/layout", "jws_empty_obj");
  SystemTime signed_at = test::vector_clock().now();

  SignedThing() {
    test::copy_tree(test::notation_data("configs/strict"), config);
    test::write_file(config + "/truststore/x509/ca/vectors/root.pem",
                     world.root.certificate.to_pem());
    const BioPtr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(
        out.get(), world.leaf.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long length = BIO_get_mem_data(out.get(), &text);
    test::write_file(
        temp.path() + "/key", std::string(text, static_cast<std::size_t>(length)), 0600);
    test::write_file(temp.path() + "/chain",
                     world.leaf.certificate.to_pem() + world.root.certificate.to_pem());
    const SigningKey key = must(load_signing_key(temp.path() + "/key", temp.path() + "/chain"));
    must(sign(layout, {test::vector_subject(), key, std::nullopt, {}}, FixedClock(signed_at)));
  }
  bool is_accepted() {
    const RevocationSources sources{&world.web, ""};
    const VerifyRequest request{test::vector_subject(), "local/mosb", {}, 100, &sources};
    return !must(verify(layout,
                        request,
                        must(NotationConfig::open(config)),
                        FixedClock(signed_at + hours(1))))
                .refusal;
  }
};

TEST_CASE("what a signer says about its signing time does not undo a revocation", "[trust]") {
  SignedThing thing;
  thing.world.served[kCrl] = test::make_crl({.issuer = &thing.world.root});
  CHECK(thing.is_accepted());
  // Revoked since later than the signature says it was made: anybody with the key could say so.
  thing.world.served[kCrl] =
      test::make_crl({.issuer = &thing.world.root,
                      .revoked = {{.identity = &thing.world.leaf,
                                   .reason = 1,
                                   .invalid_since = thing.signed_at + std::chrono::minutes(30)}}});
  CHECK_FALSE(thing.is_accepted());
}

}  // namespace
}  // namespace mosb::trust
