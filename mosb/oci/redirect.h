#pragma once

#include <string_view>

#include <sys/socket.h>

#include "mosb/base/result.h"
#include "mosb/oci/url.h"

namespace mosb::oci {

/// Where an address leads, as far as a server may send a client there.
enum class AddressKind { kOrdinary, kLoopback, kForbidden };

/// kForbidden: unspecified, link-local (cloud metadata services live there), multicast, broadcast,
/// and every family but IPv4 and IPv6. An IPv4 address inside an IPv6 one is judged as itself.
AddressKind address_kind(const sockaddr& address);
/// The kind of a host that is written as an address; a name is kOrdinary, but "localhost" and the
/// names below it are kLoopback, and numbers that are not a plain address are kForbidden.
AddressKind host_kind(std::string_view host);

/// The URL of the next hop: the same scheme as `from`, and no address that `from`'s server has no
/// business with. Loopback only if `from` is loopback itself. Errors: kNetwork.
Result<Url> next_hop(const Url& from, std::string_view location, bool from_is_loopback);

}  // namespace mosb::oci
