#include "mosb/net/legacy_rules.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

/// Chains that lead to each other end, and what is behind a drop of everything changes nothing.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text(data, size));
  const auto table = net::parse_legacy_rules(text);
  if (table) {
    (void)net::drops_forwarded(*table, "lxcbr0");
    const auto closed = net::parse_legacy_rules("-P FORWARD ACCEPT\n-A FORWARD -j DROP\n" + text);
    fuzz::require(closed && net::drops_forwarded(*closed, "lxcbr0"));
  }
  return 0;
}
