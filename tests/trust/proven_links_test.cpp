#include "mosb/trust/proven_links.h"

#include <string>

#include <catch2/catch.hpp>

namespace mosb::trust {
namespace {

TEST_CASE("links that were proven are known again, up to a number of them", "[trust]") {
  ProvenLinks links;
  const Digest issuer = Digest::of("issuer");
  const auto certificate = [](std::size_t i) { return Digest::of(std::to_string(i)); };
  CHECK_FALSE(links.contains(certificate(0), issuer));
  for (std::size_t i = 0; i <= ProvenLinks::kMost; ++i) {
    links.add(certificate(i), issuer);
  }
  CHECK(links.contains(certificate(0), issuer));
  CHECK_FALSE(links.contains(issuer, certificate(0)));
  CHECK(links.contains(certificate(ProvenLinks::kMost - 1), issuer));
  CHECK_FALSE(links.contains(certificate(ProvenLinks::kMost), issuer));
}

}  // namespace
}  // namespace mosb::trust
