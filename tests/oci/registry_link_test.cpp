#include "mosb/oci/link_header.h"
#include "tests/oci/registry_fixture.h"

using mosb::oci::next_link;
using mosb::test::must;
using mosb::test::refused;

TEST_CASE("the next page is the link whose rel holds next", "[registry]") {
  CHECK(must(next_link({})) == std::nullopt);
  CHECK(must(next_link({"</v2/a?n=1&last=b>; rel=\"next\""})) == "/v2/a?n=1&last=b");
  CHECK(must(next_link({"<a>; rel=next"})) == "a");
  CHECK(must(next_link({"<a>;rel=\"prev NEXT\""})) == "a");
  CHECK(must(next_link({"<a>; title=\"x, y\"; rel=prev, <b>; rel=next"})) == "b");
  CHECK(must(next_link({"<a>; rel=prev", "<b>; rel=next"})) == "b");
  CHECK(must(next_link({"<a>; rel=prev; rel=next"})) == std::nullopt);
}

TEST_CASE("a Link header that is none is refused", "[registry]") {
  for (const char* field :
       {"a; rel=next", "<a; rel=next", "<a> rel=next", "<a>; rel=\"next", "<a>; ;"}) {
    INFO(field);
    CHECK(refused(next_link({field})).code() == mosb::Errc::kNetwork);
  }
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += "<a>; rel=prev,";
  }
  CHECK_FALSE(next_link({many}));
}
