#include "mosb/net/dhcp_leases.h"

#include <limits>
#include <optional>

#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/text.h"

namespace mosb::net {

namespace {

/// Some 50,000 leases; dnsmasq gives out 1,000 unless told otherwise.
constexpr ByteCount kMaxFile{4 * kMiB};

/// "EXPIRY MAC ADDRESS NAME CLIENT-ID", and for IPv6 "EXPIRY IAID ADDRESS NAME DUID". An expiry of
/// 0 is never.
std::optional<DhcpLease> lease_in(const std::string& line, SystemTime now) {
  const std::vector<std::string> fields = split(line, ' ');
  if (fields.size() != 5 || !is_printable_line(line)) {
    return std::nullopt;
  }
  const auto expiry = parse_uint(fields[0], 0, std::numeric_limits<std::int64_t>::max());
  const auto address = IpAddress::parse(fields[2]);
  if (!expiry || !address || fields[1].empty()) {
    return std::nullopt;
  }
  const auto end = static_cast<std::int64_t>(*expiry);
  if (end != 0 && end <= now.time_since_epoch().count()) {
    return std::nullopt;
  }
  return DhcpLease{.address = *address, .holder = fields[1], .name = fields[3]};
}

}  // namespace

std::vector<DhcpLease> parse_dhcp_leases(std::string_view text, SystemTime now) {
  std::vector<DhcpLease> leases;
  for (const std::string& line : split(text, '\n')) {
    if (auto lease = lease_in(line, now)) {
      leases.push_back(*std::move(lease));
    }
  }
  return leases;
}

Result<std::vector<DhcpLease>> lxc_net_leases(const std::string& bridge, SystemTime now) {
  const auto text = read_file("/var/lib/misc/dnsmasq." + bridge + ".leases", kMaxFile);
  if (!text) {
    return text.error().code() == Errc::kNotFound
               ? Result<std::vector<DhcpLease>>(std::vector<DhcpLease>())
               : Status(text.error()).context("leases of lxc-net").as(Errc::kNetSetup).error();
  }
  return parse_dhcp_leases(*text, now);
}

}  // namespace mosb::net
