#include "mosb/base/digest.h"

#include <string>
#include <utility>

#include <catch2/catch.hpp>

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test

namespace {

constexpr char kEmpty[] = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kAbc[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

}  // namespace

TEST_CASE("digests are sha256 over exactly the bytes", "[base]") {
  CHECK(Digest::of("").str() == kEmpty);
  CHECK(Digest::of("abc").str() == kAbc);
  CHECK(Digest::of(std::string(1'000'000, 'a')).hex() ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a stream has the digest of its bytes however they are cut", "[base]") {
  Hasher hasher;
  hasher.update("a");
  hasher.update("");
  hasher.update("bc");
  CHECK(hasher.finish().str() == kAbc);
  CHECK(hasher.finish().str() == kEmpty);
  hasher.update("ab");
  Hasher moved = std::move(hasher);
  moved.update("c");
  CHECK(moved.finish().str() == kAbc);
}

TEST_CASE("a digest's text is sha256 and 64 lower-case digits, nothing else", "[base]") {
  CHECK(Digest::parse(kAbc)->str() == kAbc);
  const std::string hex = std::string(kAbc).substr(7);
  for (const std::string& bad : {std::string(),
                                 hex,
                                 "sha256:" + hex.substr(1),
                                 "sha256:" + hex + "0",
                                 "SHA256:" + hex,
                                 "sha512:" + hex,
                                 "sha256:" + hex.substr(2) + "zz",
                                 "sha256:B" + hex.substr(1),
                                 "sha256:" + hex.substr(1) + "\n",
                                 "sha256:../../" + hex.substr(6),
                                 " " + std::string(kAbc)}) {
    CAPTURE(bad);
    const auto digest = Digest::parse(bad);
    REQUIRE_FALSE(digest);
    CHECK(digest.error().code() == Errc::kContent);
  }
}
