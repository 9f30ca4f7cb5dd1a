#include "mosb/base/ip_address.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

/// What is accepted is printed as itself, and a network holds its own addresses.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (const auto address = IpAddress::parse(text)) {
    const auto again = IpAddress::parse(address->str());
    fuzz::require(again && *again == *address);
  }
  if (const auto prefix = IpPrefix::parse(text)) {
    const auto again = IpPrefix::parse(prefix->str());
    fuzz::require(again && *again == *prefix);
    fuzz::require(prefix->first() <= prefix->address && prefix->address <= prefix->last());
    fuzz::require(prefix->contains(prefix->first()) && prefix->contains(prefix->last()));
  }
  return 0;
}
