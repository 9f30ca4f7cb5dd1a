#include "mosb/trust/signature_algorithm.h"

#include <string>

#include <catch2/catch.hpp>

namespace mosb::trust {
namespace {

TEST_CASE("each kind of key has a name of its own, and no other name is one", "[trust]") {
  for (const auto& [name, algorithm] : {std::pair("rsa-2048", SignatureAlgorithm::kPs256),
                                        std::pair("rsa-3072", SignatureAlgorithm::kPs384),
                                        std::pair("rsa-4096", SignatureAlgorithm::kPs512),
                                        std::pair("ec-256", SignatureAlgorithm::kEs256),
                                        std::pair("ec-384", SignatureAlgorithm::kEs384),
                                        std::pair("ec-521", SignatureAlgorithm::kEs512)}) {
    INFO(name);
    CHECK(parse_key_kind_name(name) == algorithm);
    CHECK(std::string(key_kind_name(algorithm)) == name);
  }
  for (const char* const name : {"", "rsa", "rsa-1024", "ec-512", "RSA-2048", "ec-256 ", "ES256"}) {
    INFO(name);
    CHECK_FALSE(parse_key_kind_name(name));
  }
}

}  // namespace
}  // namespace mosb::trust
