#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/base/base64.h"
#include "mosb/base/hex.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): the part under test

namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text(const std::vector<std::byte>& bytes) {
  std::string out;
  for (const std::byte b : bytes) {
    out += static_cast<char>(b);
  }
  return out;
}

}  // namespace

TEST_CASE("hexadecimal is lower case and reads back", "[base]") {
  CHECK(to_hex(bytes(std::string_view("\x00\x7f\xff", 3))) == "007fff");
  CHECK(text(*from_hex("616263")) == "abc");
  CHECK(from_hex("")->empty());
}

TEST_CASE("hexadecimal of odd length, upper case or other letters is refused", "[base]") {
  for (const char* bad : {"a", "AB", "0x", "0g", " 0", "0 ", "-1"}) {
    CAPTURE(bad);
    const auto read = from_hex(bad);
    REQUIRE_FALSE(read);
    CHECK(read.error().code() == Errc::kContent);
  }
}

TEST_CASE("base64 has the vectors of RFC 4648", "[base]") {
  const std::vector<std::pair<std::string, std::string>> vectors{{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    CHECK(base64_encode(bytes(plain)) == encoded);
    CHECK(text(*base64_decode(encoded)) == plain);
    const std::string url = encoded.substr(0, encoded.find('='));
    CHECK(base64url_encode(bytes(plain)) == url);
    CHECK(text(*base64url_decode(url)) == plain);
  }
  CHECK(base64_encode(bytes("\xfb\xff\xfe")) == "+//+");
  CHECK(base64url_encode(bytes("\xfb\xff\xfe")) == "-__-");
}

TEST_CASE("base64 is refused unless it is the one spelling of its bytes", "[base]") {
  for (const char* bad : {"Zg",
                          "Zg=",
                          "Zg===",
                          "Zh==",
                          "Zm9=",
                          "Z===",
                          "====",
                          "=",
                          "Zm9v\n",
                          " Zm9v",
                          "Zm 9v",
                          "-__-",
                          "Zg==Zg==",
                          "Z=g="}) {
    CAPTURE(bad);
    CHECK_FALSE(base64_decode(bad));
  }
  for (const char* bad : {"Zg==", "Zh", "Z", "Zm9vY", "+//+", "Zm9v\n", "Zm9"}) {
    CAPTURE(bad);
    CHECK_FALSE(base64url_decode(bad));
  }
}
