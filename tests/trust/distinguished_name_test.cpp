#include "mosb/trust/distinguished_name.h"

#include <catch2/catch.hpp>

#include "tests/trust/vectors.h"

namespace mosb::trust {
namespace {

using Attributes = std::map<std::string, std::string>;
using test::must;

Attributes parsed(const std::string& text) {
  INFO(text);
  return must(DistinguishedName::parse(text)).attributes();
}

TEST_CASE("an identity's attributes are decoded", "[trust]") {
  CHECK(parsed(" C = US , ST=WA;O=a ") == Attributes{{"C", "US"}, {"ST", "WA"}, {"O", "a"}});
  CHECK(parsed("C=US,S=WA,O=a,CN=a=b")["CN"] == "a=b");
  CHECK(parsed("C=US,S=WA,O=a")["ST"] == "WA");
  CHECK(parsed("C=US,ST=WA,O=a\\, b\\+c\\;d\\\\")["O"] == "a, b+c;d\\");
  CHECK(parsed("C=US,ST=WA,O=mosb\\20vectors")["O"] == "mosb vectors");
  CHECK(parsed("C=US,ST=WA,O=\\c3\\A9")["O"] == "é");
  CHECK(parsed("C=US,ST=WA,O=a\\2F\\2f")["O"] == "a//");
  CHECK(parsed("\\\\=x,C=US,ST=WA,O=a")["\\"] == "x");
  CHECK(parsed("C=US,ST=WA,O= #0401")["O"] == "#0401");
  CHECK(parsed("C=US,ST=WA,O=\\#x")["O"] == "#x");
  CHECK(parsed("C=US,ST=WA,O=a\\ ")["O"] == "a ");
  CHECK(parsed("C=US,ST=WA,O=a\\\\ ")["O"] == "a\\");
  CHECK(parsed("C=US,ST=WA,O=a,2.5.4.11=x")["2.5.4.11"] == "x");
  CHECK(parsed("c=us,C=US,ST=WA,O=a")["c"] == "us");
}

TEST_CASE("an identity that is malformed or names too little is refused", "[trust]") {
  for (const char* const bad : {"",
                                " ",
                                "C=US",
                                "C=US,O=a",
                                "C=US,ST=WA,O=",
                                "c=US,ST=WA,O=a",
                                "C=US,ST=WA,O=a,",
                                ",C=US,ST=WA,O=a",
                                "C=US,,ST=WA,O=a",
                                "C=US,ST=WA,O=a+OU=b",
                                "C=US,ST=WA,O=#0401",
                                "C=US,ST=WA,O=a,CN=x=#y",
                                "C=US,ST=WA,O=a\\z",
                                "C=US,ST=WA,O=a\\4",
                                "C=US,ST=WA,O=a\\",
                                "C=US,ST=WA,O=a,OU=x,OU=y",
                                "C=US,S=WA,ST=WA,O=a",
                                "C=US,ST=WA,O=\"a, b\"",
                                "=x,C=US,ST=WA,O=a",
                                "C=US,ST=WA,O=a,x"}) {
    INFO(bad);
    const auto name = DistinguishedName::parse(bad);
    REQUIRE_FALSE(name);
    CHECK(name.error().code() == Errc::kPolicy);
  }
}

TEST_CASE("a name is part of another when all its attributes are in it unchanged", "[trust]") {
  const auto base = must(DistinguishedName::parse("C=US,ST=WA,O=a"));
  const auto more = must(DistinguishedName::parse("O=a,OU=b,ST=WA,C=US"));
  const auto other_case = must(DistinguishedName::parse("C=US,ST=WA,O=A"));
  CHECK(base.is_subset_of(base));
  CHECK(base.is_subset_of(more));
  CHECK_FALSE(more.is_subset_of(base));
  CHECK_FALSE(other_case.is_subset_of(more));
}

TEST_CASE("an identity of a mebibyte is decided without delay", "[trust]") {
  const std::string long_value(1024 * 1024 + 1, '\\');
  CHECK_FALSE(DistinguishedName::parse("C=US,ST=WA,O=" + long_value + "z"));
  std::string many = "C=US,ST=WA,O=a";
  for (int i = 0; many.size() < 1024 * 1024; ++i) {
    many += ",A" + std::to_string(i) + "=x";
  }
  CHECK(DistinguishedName::parse(many));
}

}  // namespace
}  // namespace mosb::trust
