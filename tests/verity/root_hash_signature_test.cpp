#include "verity/root_hash_signature.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/base/base64.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::verity;

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kOid = 11;

/// A SEQUENCE of this length with signedData's identifier at its beginning.
Bytes signed_data(std::size_t length) {
  Bytes der{std::byte{0x30}};
  if (length < 0x80) {
    der.push_back(static_cast<std::byte>(length));
  } else if (length < 0x100) {
    der.insert(der.end(), {std::byte{0x81}, static_cast<std::byte>(length)});
  } else {
    der.insert(der.end(),
               {std::byte{0x82},
                static_cast<std::byte>(length >> 8U),
                static_cast<std::byte>(length & 0xFFU)});
  }
  for (const int byte : {0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02}) {
    der.push_back(static_cast<std::byte>(byte));
  }
  der.resize(der.size() + length - kOid, std::byte{0x5A});
  return der;
}

Errc refusal(const Bytes& der) {
  const auto parsed = RootHashSignature::parse(base64_encode(der));
  REQUIRE_FALSE(parsed);
  return parsed.error().code();
}

}  // namespace

TEST_CASE("the signature of a root hash is read as it was written, in each length of DER's",
          "[verity]") {
  for (const std::size_t length : {std::size_t{12},
                                   std::size_t{0x7F},
                                   std::size_t{0x80},
                                   std::size_t{0xFF},
                                   std::size_t{0x100},
                                   std::size_t{kMaxRootHashSignature.value - 4}}) {
    INFO(length);
    const Bytes der = signed_data(length);
    const RootHashSignature signature = must(RootHashSignature::parse(base64_encode(der)));
    CHECK(Bytes(signature.der().begin(), signature.der().end()) == der);
    CHECK(signature.base64() == base64_encode(der));
  }
}

TEST_CASE("a signature of a root hash that is too large is refused", "[verity]") {
  CHECK(refusal(signed_data(kMaxRootHashSignature.value - 3)) == Errc::kVerity);
  CHECK(refusal(signed_data(60'000)) == Errc::kVerity);
  // Before it is decoded: this is no base64.
  const auto parsed = RootHashSignature::parse(std::string(1'000'000, '!'));
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().message(), Catch::Contains("more than 8192 bytes"));
}

TEST_CASE("a signature of a root hash that is no signed data in DER is refused", "[verity]") {
  const Bytes good = signed_data(0x90);
  SECTION("nothing, or too little") {
    for (std::size_t size = 0; size < good.size(); ++size) {
      INFO(size);
      CHECK(refusal(Bytes(good.begin(), good.begin() + static_cast<long>(size))) == Errc::kVerity);
    }
    CHECK(refusal(signed_data(kOid)) == Errc::kVerity);
  }
  SECTION("something behind it") {
    Bytes longer = good;
    longer.push_back(std::byte{0});
    CHECK(refusal(longer) == Errc::kVerity);
  }
  SECTION("another type, or another object") {
    for (const std::size_t at : {std::size_t{0}, std::size_t{3}, std::size_t{5}, std::size_t{13}}) {
      INFO(at);
      Bytes other = good;
      other[at] ^= std::byte{1};
      CHECK(refusal(other) == Errc::kVerity);
    }
  }
  SECTION("a length that is not in its shortest form, or has no end") {
    Bytes short_one = signed_data(0x20);
    short_one.insert(short_one.begin() + 1, std::byte{0x81});
    CHECK(refusal(short_one) == Errc::kVerity);
    Bytes two = good;
    two[1] = std::byte{0x82};
    two.insert(two.begin() + 2, std::byte{0});
    CHECK(refusal(two) == Errc::kVerity);
    Bytes indefinite = signed_data(0x20);
    indefinite[1] = std::byte{0x80};
    CHECK(refusal(indefinite) == Errc::kVerity);
    Bytes huge = good;
    huge[1] = std::byte{0x88};
    CHECK(refusal(huge) == Errc::kVerity);
  }
  SECTION("no base64") {
    for (const std::string& text : {std::string(" "),
                                    base64_encode(good) + "\n",
                                    "-" + base64_encode(good).substr(1),
                                    std::string("MII")}) {
      const auto parsed = RootHashSignature::parse(text);
      REQUIRE_FALSE(parsed);
      CHECK(parsed.error().code() == Errc::kVerity);
    }
  }
}
