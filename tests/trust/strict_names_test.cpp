#include "mosb/trust/strict_names.h"

#include <array>

#include <catch2/catch.hpp>

namespace mosb::trust {
namespace {

bool is_refused(const char* name) {
  static constexpr std::array<std::string_view, 5> kKnown{"size", "kid", "expiry", "a`", "A[z"};
  return !refuse_miscased_names(Json{{name, 1}}, kKnown);
}

TEST_CASE("a member's name in another case than a known one's is refused", "[trust]") {
  for (const char* const name :
       {"SIZE", "siZe", "Size", "KID", "Kid", "EXPIRY", "a[z", "A[Z", "\u017fize", "\u212aid"}) {
    INFO(name);
    CHECK(is_refused(name));
  }
  // Right ones, and others; what is no letter has no case.
  for (const char* const name : {"size", "kid", "expiry", "A[z", "sizes", "ki", "", "a@", "A{z"}) {
    INFO(name);
    CHECK_FALSE(is_refused(name));
  }
}

}  // namespace
}  // namespace mosb::trust
