#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "mosb/base/ip_address.h"

namespace mosb::net {

/// An Ethernet address.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  /// Locally administered, unicast, the same for the same text: "INSTANCE/SERVICE".
  static MacAddress derived_from(std::string_view text);
  std::string str() const;
  /// The address that a kernel gives its interface by itself (fe80::/64, EUI-64).
  IpAddress link_local() const;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in what is generated
  auto operator<=>(const MacAddress&) const = default;
};

}  // namespace mosb::net
