#include "mosb/trust/registry_scope.h"

#include <catch2/catch.hpp>

namespace mosb::trust {
namespace {

TEST_CASE("a registry scope is a whole repository", "[trust]") {
  for (const char* const good : {"a.io/b",
                                 "a.io:5000/b/c",
                                 "127.0.0.1:5055/vec/store",
                                 "localhost/x",
                                 "local/layout",
                                 "UPPER.Example/x",
                                 "a-b.io/b__c",
                                 "a0.9io/b",
                                 "a.io:9099/b",
                                 "aZ.io/z",
                                 "a.io/b.c_d---e"}) {
    INFO(good);
    CHECK(is_registry_scope(good));
  }
}

TEST_CASE("what is not a whole repository is no registry scope", "[trust]") {
  for (const char* const bad :
       {"",          "*",        "a.io",           "a.io/",        "/b",
        "a.io/b/",   "a.io//b",  "a+b.io/b",       "a.io:50+0/b",  "a.io:50x/b",
        "a.io/b{c",  "a.io/b~",  "a!b.io/b",       "a.io/b:1",     "a.io/b@sha256:00",
        "a.io/*",    "*.io/b",   "https://a.io/b", "[::1]:5000/b", "a.io:/b",
        "a.io:x/b",  "-a.io/b",  "a-.io/b",        "a..io/b",      "a_b.io/c",
        "a.io/B",    "a.io/.b",  "a.io/b.",        "a.io/b..c",    "a.io/b___c",
        "a.io/b._c", "a.io/b c", "a.io/b\n"}) {
    INFO(bad);
    CHECK_FALSE(is_registry_scope(bad));
  }
}

}  // namespace
}  // namespace mosb::trust
