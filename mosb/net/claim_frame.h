#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mosb/base/ip_address.h"
#include "mosb/net/mac_address.h"
#include "mosb/net/netlink.h"

namespace mosb::net {

/// An Ethernet frame that asks who has the address, and teaches nobody anything: an ARP probe (RFC
/// 5227), or the neighbour solicitation of duplicate address detection (RFC 4862). Pure.
std::vector<std::uint8_t> question_frame(const IpAddress& address, const MacAddress& sender);

/// Who says in the frame that an address is theirs, or asks for it because they want it: ARP, and
/// neighbour discovery. nullopt for every other frame, however broken. Pure.
std::optional<Neighbour> claim_in(std::span<const std::uint8_t> frame);

}  // namespace mosb::net
