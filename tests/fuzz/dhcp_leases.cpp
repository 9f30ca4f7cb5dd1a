#include "mosb/net/dhcp_leases.h"

#include "fuzz.h"
#include "mosb/base/text.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

/// Of leases nothing but plain words is shown, and later there are never more of them.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const SystemTime now{std::chrono::seconds(1'700'000'000)};
  const auto leases = net::parse_dhcp_leases(text, now);
  fuzz::require(leases.size() <= size);
  for (const net::DhcpLease& lease : leases) {
    fuzz::require(is_printable_line(lease.holder) && is_printable_line(lease.name));
  }
  fuzz::require(net::parse_dhcp_leases(text, now + std::chrono::hours(1)).size() <= leases.size());
  return 0;
}
