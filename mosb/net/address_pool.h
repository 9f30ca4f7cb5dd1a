#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "mosb/base/ip_address.h"

namespace mosb::net {

/// The network's first address with `offset` in its last bits, which hold it.
IpAddress at_offset(const IpPrefix& network, std::uint64_t offset);

/// Whether a host of the network may have the address: inside, not its first or last (IPv4), not
/// the bridge's own. `bridge` is the bridge's address with the network's length.
/// Errors: kManifest, saying which rule it breaks.
Status check_member(const IpAddress& address, const IpPrefix& bridge);

/// A free address of the network, the same for the same name as long as nobody else has it: where
/// the name's digest points, or the next free one after that. Errors: kNetSetup if all are taken.
Result<IpAddress> choose_address(const IpPrefix& bridge,
                                 const std::set<IpAddress>& taken,
                                 const std::string& name);

}  // namespace mosb::net
