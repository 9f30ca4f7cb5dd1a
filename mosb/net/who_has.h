#pragma once

#include <map>
#include <set>

#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/net/mac_address.h"

namespace mosb::net {

/// How often to ask about an address that is new for a service, and about one that it had.
inline constexpr int kThorough = 3;
inline constexpr int kInPassing = 1;

/// Asks everybody at the device whether one of the addresses is theirs, and listens for 20 ms after
/// each of the `questions`: who is on this host answers at once. Nobody learns anything by it, and
/// nothing is changed. Of several that answer for one address the last one is named; those in `own`
/// don't count. Of the caller's network namespace. Errors: kNetSetup.
Result<std::map<IpAddress, MacAddress>> who_has(int device,
                                                const std::set<IpAddress>& addresses,
                                                const std::set<MacAddress>& own,
                                                int questions);

}  // namespace mosb::net
