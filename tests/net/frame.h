#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mosb/net/mac_address.h"
#include "tests/net/net_lab.h"

namespace mosb::net {

using Bytes = std::vector<std::uint8_t>;

/// Frames as a hostile service writes them; all end with `kMark`, by which they are known again.
struct Frame {
  MacAddress from;
  MacAddress to{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

  Bytes arp(const MacAddress& sender, const std::string& address) const;
  Bytes udp(const std::string& source,
            const std::string& destination,
            std::uint16_t source_port,
            std::uint16_t port) const;
  /// Of ICMPv6: 133 to 137 are those of neighbour discovery. `target`: what is announced.
  Bytes icmp6(const std::string& source, std::uint8_t type, const std::string& target) const;
  /// Another frame behind a tag of VLAN 1.
  static Bytes tagged(Bytes frame);
};

void send_frame(const NetNs& where, const Bytes& frame);
/// Whether the frame, sent from eth0 in one namespace, shows up at a device in another.
bool arrives(const NetNs& from, const Bytes& frame, const NetNs& at, const std::string& device);

}  // namespace mosb::net
