#include "mosb/net/address_pool.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "mosb/base/digest.h"

namespace mosb::net {

namespace {

/// In what is behind the prefix only so many of the last bits are chosen: more than enough.
constexpr unsigned kMaxChosenBits = 48;

}  // namespace

IpAddress at_offset(const IpPrefix& network, std::uint64_t offset) {
  const IpAddress first = network.first();
  std::array<std::uint8_t, 16> bytes{};
  std::copy(first.bytes().begin(), first.bytes().end(), bytes.begin());
  for (std::size_t i = first.bytes().size(); offset > 0; offset >>= 8U) {
    bytes[--i] |= static_cast<std::uint8_t>(offset & 0xffU);
  }
  return IpAddress::of(std::span(bytes).first(first.bytes().size()));
}

namespace {

std::uint64_t number_of(const std::string& name) {
  const Sha256 digest = Digest::of(name).bytes();
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number = (number << 8U) | std::to_integer<std::uint64_t>(digest[i]);
  }
  return number;
}

}  // namespace

Status check_member(const IpAddress& address, const IpPrefix& bridge) {
  const auto refused = [&](const std::string& why) {
    return Error(Errc::kManifest, address.str() + " " + why);
  };
  if (!bridge.contains(address)) {
    return refused("is not in the bridge's network " +
                   IpPrefix{bridge.first(), bridge.length}.str());
  }
  if (address == bridge.address) {
    return refused("is the bridge's own address");
  }
  if (address == bridge.first()) {
    return refused("is the name of the network " + bridge.str());
  }
  if (address.is_v4() && address == bridge.last()) {
    return refused("is the broadcast address of the network " + bridge.str());
  }
  return ok();
}

Result<IpAddress> choose_address(const IpPrefix& bridge,
                                 const std::set<IpAddress>& taken,
                                 const std::string& name) {
  const unsigned bits = std::min(bridge.address.bits() - bridge.length, kMaxChosenBits);
  const std::uint64_t size = std::uint64_t{1} << bits;
  const std::uint64_t start = number_of(name);
  // Besides those taken, at most the first, the last and the bridge's own are none.
  const std::uint64_t attempts = std::min<std::uint64_t>(size, taken.size() + 4);
  for (std::uint64_t i = 0; i < attempts; ++i) {
    const IpAddress address = at_offset(bridge, (start + i) % size);
    if (check_member(address, bridge) && !taken.contains(address)) {
      return address;
    }
  }
  return Error(Errc::kNetSetup, "no address of the network " + bridge.str() + " is free");
}

}  // namespace mosb::net
