#include "mosb/net/mac_address.h"

#include <algorithm>
#include <cstddef>

#include "mosb/base/digest.h"
#include "mosb/base/hex.h"

namespace mosb::net {

MacAddress MacAddress::derived_from(std::string_view text) {
  const Sha256 digest = Digest::of(text).bytes();
  MacAddress mac;
  std::transform(digest.begin(), digest.begin() + mac.bytes.size(), mac.bytes.begin(), [](auto b) {
    return std::to_integer<std::uint8_t>(b);
  });
  // IEEE 802: the second bit of the first byte says "locally administered", the first "a group".
  mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] | 0x02U) & ~0x01U);
  return mac;
}

std::string MacAddress::str() const {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    const std::byte one{byte};
    text += (text.empty() ? "" : ":") + to_hex({&one, 1});
  }
  return text;
}

IpAddress MacAddress::link_local() const {
  // RFC 4291, appendix A: the "local" bit is turned over and ff:fe put in the middle.
  return IpAddress::v6({0xfe,
                        0x80,
                        0,
                        0,
                        0,
                        0,
                        0,
                        0,
                        static_cast<std::uint8_t>(bytes[0] ^ 0x02U),
                        bytes[1],
                        bytes[2],
                        0xff,
                        0xfe,
                        bytes[3],
                        bytes[4],
                        bytes[5]});
}

}  // namespace mosb::net
