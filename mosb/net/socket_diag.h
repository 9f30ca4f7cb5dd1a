#pragma once

#include <optional>
#include <vector>

#include <linux/inet_diag.h>

#include "mosb/net/socket_table.h"

namespace mosb::net {

/// The sockets of the calling thread's network namespace that wait for others, by sock_diag(7).
/// The kernel looks at those only; for /proc/net/tcp it walks all of its hash tables, which takes
/// milliseconds on a host with much memory, however few sockets there are. nullopt: it cannot be
/// asked so (no module inet_diag, no libnl).
std::optional<std::vector<ListeningSocket>> diagnosed_sockets();

/// What one answer says (pure). nullopt if it is of no known family.
std::optional<ListeningSocket> socket_of(const inet_diag_msg& answer, Protocol protocol);

}  // namespace mosb::net
