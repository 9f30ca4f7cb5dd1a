#include "mosb/oci/url.h"
#include "tests/oci/registry_fixture.h"

using mosb::oci::percent_encode;
using mosb::oci::Url;
using mosb::test::must;
using mosb::test::refused;

TEST_CASE("a URL is taken apart and put together again", "[registry]") {
  const Url url = must(Url::parse("https://Registry.Example:5000/v2/a/b?x=1&y=%2F"));
  CHECK(url.scheme == "https");
  CHECK(url.host == "registry.example");
  CHECK(url.port == 5000);
  CHECK(url.target == "/v2/a/b?x=1&y=%2F");
  CHECK(url.str() == "https://registry.example:5000/v2/a/b?x=1&y=%2F");
  CHECK(url.without_query() == "/v2/a/b");
}

TEST_CASE("the scheme's own port is not written", "[registry]") {
  CHECK(must(Url::parse("https://example.org")).str() == "https://example.org/");
  CHECK(must(Url::parse("https://example.org:443/")).authority() == "example.org");
  CHECK(must(Url::parse("http://example.org:443/")).authority() == "example.org:443");
  CHECK(must(Url::parse("https://[2001:db8::1]:5000/")).authority() == "[2001:db8::1]:5000");
}

TEST_CASE("what a registry has no use for in a URL is refused", "[registry]") {
  for (const char* text : {"",
                           "example.org",
                           "ftp://example.org/",
                           "file:///etc/passwd",
                           "https:///path",
                           "https://user@example.org/",
                           "https://user:secret@example.org/",
                           "https://exa mple.org/",
                           "https://example.org:0/",
                           "https://example.org:65536/",
                           "https://example.org:+5/",
                           "https://example.org:/",
                           "https://example.org/a b",
                           "https://example.org/a#fragment",
                           "https://example.org/a\r\nHost: evil",
                           "https://example.org\\@evil/",
                           "https://[fe80::1%25eth0]/",
                           "https://ex%41mple.org/"}) {
    INFO(text);
    CHECK(refused(Url::parse(text)).code() == mosb::Errc::kNetwork);
  }
  CHECK_FALSE(Url::parse("https://example.org/" + std::string(9000, 'a')));
}

TEST_CASE("a password in a URL does not get into the error", "[registry]") {
  CHECK(refused(Url::parse("https://user:secret@example.org/")).message().find("secret") ==
        std::string::npos);
}

TEST_CASE("a relative URL means what RFC 3986 says", "[registry]") {
  const Url base = must(Url::parse("https://example.org:5000/v2/a/blobs/uploads/?q=1"));
  CHECK(must(base.resolve("/v2/x?y=1")).str() == "https://example.org:5000/v2/x?y=1");
  CHECK(must(base.resolve("id?state=s")).str() ==
        "https://example.org:5000/v2/a/blobs/uploads/id?state=s");
  CHECK(must(base.resolve("../other")).str() == "https://example.org:5000/v2/a/blobs/other");
  CHECK(must(base.resolve("../../../../..")).str() == "https://example.org:5000/");
  CHECK(must(base.resolve("?n=2")).str() == "https://example.org:5000/v2/a/blobs/uploads/?n=2");
  CHECK(must(base.resolve("//other.org/x")).str() == "https://other.org/x");
  CHECK(must(base.resolve("http://other.org/x")).str() == "http://other.org/x");
  CHECK(refused(base.resolve("")).code() == mosb::Errc::kNetwork);
  CHECK(refused(base.resolve("file:/etc/passwd")).code() == mosb::Errc::kNetwork);
}

TEST_CASE("an origin is scheme, host and port together", "[registry]") {
  const Url url = must(Url::parse("https://example.org/a"));
  CHECK(url.same_origin(must(Url::parse("https://EXAMPLE.org:443/b"))));
  CHECK_FALSE(url.same_origin(must(Url::parse("http://example.org/a"))));
  CHECK_FALSE(url.same_origin(must(Url::parse("https://example.org:444/a"))));
  CHECK_FALSE(url.same_origin(must(Url::parse("https://example.org.evil/a"))));
}

TEST_CASE("a query value is escaped byte for byte", "[registry]") {
  CHECK(percent_encode("repository:a/b:pull,push") == "repository%3Aa%2Fb%3Apull%2Cpush");
  CHECK(percent_encode("a&b=c d\n\xc3\xa4") == "a%26b%3Dc%20d%0A%C3%A4");
}
