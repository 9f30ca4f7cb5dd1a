#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/trust/cert_chain.h"
#include "tests/trust/pki.h"

namespace mosb::trust {
namespace {

using test::Identity;
using test::make_identity;
using test::with;

std::string reason(const Status& status) {
  return status ? "" : status.error().message();
}

Identity make_root() {
  return make_identity({"root", nullptr, test::ca_extensions()});
}

/// A chain of so many certificates, leaf first.
std::vector<Certificate> chain_of(std::size_t length) {
  std::vector<Identity> made;
  made.push_back(make_root());
  while (made.size() < length) {
    const bool leaf = made.size() + 1 == length;
    made.push_back(make_identity({"certificate " + std::to_string(made.size()),
                                  &made.back(),
                                  leaf ? test::code_signing_extensions() : test::ca_extensions()}));
  }
  std::vector<Certificate> chain;
  for (auto at = made.rbegin(); at != made.rend(); ++at) {
    chain.push_back(at->certificate);
  }
  return chain;
}

TEST_CASE("a chain has at most 16 certificates, and no fewer than one", "[trust]") {
  CHECK(check_code_signing_chain(chain_of(kMaxChainLength)));
  CHECK(reason(check_code_signing_chain(chain_of(kMaxChainLength + 1))).find("longer than") !=
        std::string::npos);
  CHECK_FALSE(check_code_signing_chain({}));
  CHECK_FALSE(check_timestamping_chain({}));
  CHECK(reason(check_timestamping_chain(chain_of(kMaxChainLength + 1))).find("longer than") !=
        std::string::npos);
}

TEST_CASE("each rule about an authority refuses by itself", "[trust]") {
  const Identity root = make_root();
  const std::vector<std::pair<const char*, test::Extensions>> rows{
      {"is not a certificate authority", with(test::ca_extensions(), NID_basic_constraints, "")},
      {"is not a certificate authority",
       with(test::ca_extensions(), NID_basic_constraints, "critical,CA:FALSE")},
      {"not critical", with(test::ca_extensions(), NID_basic_constraints, "CA:TRUE")},
      {"no key usage", with(test::ca_extensions(), NID_key_usage, "")},
      {"not critical", with(test::ca_extensions(), NID_key_usage, "keyCertSign")},
      {"keyCertSign", with(test::ca_extensions(), NID_key_usage, "critical,cRLSign")},
  };
  for (const auto& [why, extensions] : rows) {
    const Identity middle = make_identity({"middle", &root, extensions});
    const Identity leaf = make_identity({"leaf", &middle, test::code_signing_extensions()});
    const std::string said =
        reason(check_code_signing_chain({leaf.certificate, middle.certificate, root.certificate}));
    INFO(why << ": " << said);
    CHECK(said.find(why) != std::string::npos);
  }
}

TEST_CASE("a path length allows so many authorities below, and no more", "[trust]") {
  const Identity root = make_identity(
      {"root",
       nullptr,
       with(test::ca_extensions(), NID_basic_constraints, "critical,CA:TRUE,pathlen:1")});
  const Identity upper = make_identity({"upper", &root, test::ca_extensions()});
  const Identity lower = make_identity({"lower", &upper, test::ca_extensions()});
  const Identity close = make_identity({"close", &upper, test::code_signing_extensions()});
  const Identity far = make_identity({"far", &lower, test::code_signing_extensions()});
  CHECK(check_code_signing_chain({close.certificate, upper.certificate, root.certificate}));
  CHECK_FALSE(check_code_signing_chain(
      {far.certificate, lower.certificate, upper.certificate, root.certificate}));
}

TEST_CASE("names must meet, whatever the keys say", "[trust]") {
  const Identity root = make_root();
  const Identity misnamed = make_identity({.name = "leaf",
                                           .issuer = &root,
                                           .extensions = test::code_signing_extensions(),
                                           .issuer_name = "somebody else"});
  CHECK(misnamed.certificate.check_signed_by(root.certificate));
  CHECK(reason(check_code_signing_chain({misnamed.certificate, root.certificate}))
            .find("is not issued by") != std::string::npos);
  const Identity odd_root = make_identity(
      {.name = "root", .extensions = test::ca_extensions(), .issuer_name = "somebody else"});
  const Identity leaf = make_identity({"leaf", &odd_root, test::code_signing_extensions()});
  CHECK(odd_root.certificate.check_signed_by(odd_root.certificate));
  CHECK(reason(check_code_signing_chain({leaf.certificate, odd_root.certificate}))
            .find("not a self-signed root") != std::string::npos);
  CHECK_FALSE(is_self_signed(odd_root.certificate));
  const Identity alone = make_identity({.name = "alone",
                                        .extensions = test::code_signing_extensions(),
                                        .issuer_name = "somebody else"});
  CHECK(reason(check_code_signing_chain({alone.certificate})).find("not self-signed") !=
        std::string::npos);
}

TEST_CASE("who names itself as its issuer must also have signed itself", "[trust]") {
  const Identity namesake = make_identity({"leaf", nullptr, test::ca_extensions()});
  const Identity leaf = make_identity({"leaf", &namesake, test::code_signing_extensions()});
  REQUIRE(leaf.certificate.is_self_issued());
  CHECK_FALSE(is_self_signed(leaf.certificate));
  CHECK(reason(check_code_signing_chain({leaf.certificate})).find("is not signed by") !=
        std::string::npos);
  const Identity self = make_identity({"leaf", nullptr, test::code_signing_extensions()});
  CHECK(check_code_signing_chain({self.certificate}));
  const Identity false_root = make_identity({"leaf", &namesake, test::ca_extensions()});
  const Identity below = make_identity({"below", &false_root, test::code_signing_extensions()});
  CHECK_FALSE(check_code_signing_chain({below.certificate, false_root.certificate}));
}

TEST_CASE("a link that was seen once is not a link to another issuer", "[trust]") {
  const Identity root = make_root();
  const Identity other = make_root();
  const Identity leaf = make_identity({"leaf", &root, test::code_signing_extensions()});
  for (int i = 0; i < 2; ++i) {
    CHECK(leaf.certificate.check_signed_by(root.certificate));
    CHECK_FALSE(leaf.certificate.check_signed_by(other.certificate));
    CHECK_FALSE(root.certificate.check_signed_by(leaf.certificate));
  }
}

TEST_CASE("each rule about a timestamping authority refuses by itself", "[trust]") {
  const Identity root = make_root();
  const auto check = [&](const test::Extensions& extensions) {
    const Identity leaf = make_identity({"authority", &root, extensions});
    return reason(check_timestamping_chain({leaf.certificate, root.certificate}));
  };
  CHECK(check(test::timestamping_extensions()).empty());
  for (const char* const uses : {"timeStamping",
                                 "critical,timeStamping,codeSigning",
                                 "critical,codeSigning,timeStamping",
                                 "critical,codeSigning",
                                 ""}) {
    INFO(uses);
    CHECK(check(with(test::timestamping_extensions(), NID_ext_key_usage, uses))
              .find("lacks timeStamping") != std::string::npos);
  }
  const Identity alone = make_identity({"alone", nullptr, test::timestamping_extensions()});
  CHECK(reason(check_timestamping_chain({alone.certificate})).find("stands alone") !=
        std::string::npos);
}

TEST_CASE("an authority above a timestamp may be for timestamping or anything, not for others",
          "[trust]") {
  const Identity root = make_root();
  for (const auto& [uses, good] : {std::pair("timeStamping", true),
                                   std::pair("anyExtendedKeyUsage", true),
                                   std::pair("codeSigning,timeStamping", true),
                                   std::pair("codeSigning", false)}) {
    const Identity middle =
        make_identity({"middle", &root, with(test::ca_extensions(), NID_ext_key_usage, uses)});
    const Identity leaf = make_identity({"authority", &middle, test::timestamping_extensions()});
    INFO(uses);
    CHECK(check_timestamping_chain({leaf.certificate, middle.certificate, root.certificate})
              .has_value() == good);
  }
}

}  // namespace
}  // namespace mosb::trust
