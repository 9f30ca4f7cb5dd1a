#include "mosb/net/claim_frame.h"

#include <algorithm>
#include <array>

namespace mosb::net {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kMacSize = 6;
constexpr std::size_t kEtherSize = 14;
constexpr std::size_t kEtherType = 12;

/// IPv4 over Ethernet (RFC 826): the fields' places behind the Ethernet header.
constexpr std::array<std::uint8_t, 6> kArpStart{0, 1, 8, 0, 6, 4};
constexpr std::size_t kArpSize = 28;
constexpr std::size_t kArpOperation = 6;
constexpr std::size_t kArpSender = 8;
constexpr std::size_t kArpSenderIp = 14;
constexpr std::size_t kArpTargetIp = 24;

/// RFC 8200 and 4861.
constexpr std::size_t kIp6Size = 40;
constexpr std::size_t kIp6Source = 8;
constexpr std::uint8_t kIcmp6 = 58;
constexpr std::uint8_t kHopLimit = 255;
constexpr std::uint8_t kSolicitation = 135;
constexpr std::uint8_t kAdvertisement = 136;
constexpr std::size_t kNdSize = 24;
constexpr std::size_t kNdTarget = 8;
constexpr std::uint8_t kTargetMacOption = 2;

constexpr std::array<std::uint8_t, 2> kArpType{0x08, 0x06};
constexpr std::array<std::uint8_t, 2> kIp6Type{0x86, 0xdd};

MacAddress mac_at(Bytes bytes, std::size_t offset) {
  MacAddress mac;
  std::ranges::copy(bytes.subspan(offset, kMacSize), mac.bytes.begin());
  return mac;
}

void append(std::vector<std::uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// The group of all whose address ends in the same three bytes (RFC 4291), and its Ethernet
/// address (RFC 2464).
std::array<std::uint8_t, 16> solicited_group(Bytes address) {
  return {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, address[13], address[14], address[15]};
}

/// RFC 1071, over the pseudo header of RFC 8200: both addresses, the length and the protocol.
std::uint16_t checksum(Bytes addresses, Bytes payload) {
  std::uint32_t sum = static_cast<std::uint32_t>(payload.size()) + kIcmp6;
  for (const Bytes part : {addresses, payload}) {
    for (std::size_t i = 0; i + 1 < part.size(); i += 2) {
      sum += (std::uint32_t{part[i]} << 8U) | part[i + 1];
    }
  }
  while (sum >> 16U != 0) {
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(~sum);
}

std::vector<std::uint8_t> arp_probe(Bytes address, const MacAddress& sender) {
  std::vector<std::uint8_t> frame(kMacSize, 0xff);
  append(frame, sender.bytes);
  append(frame, kArpType);
  append(frame, kArpStart);
  append(frame, std::array<std::uint8_t, 2>{0, 1});
  append(frame, sender.bytes);
  // No address of the sender's, and nobody's Ethernet address.
  append(frame, std::array<std::uint8_t, 4 + kMacSize>{});
  append(frame, address);
  return frame;
}

std::vector<std::uint8_t> solicitation(Bytes address, const MacAddress& sender) {
  const auto group = solicited_group(address);
  std::vector<std::uint8_t> message{kSolicitation, 0, 0, 0, 0, 0, 0, 0};
  append(message, address);
  const std::uint16_t sum = checksum(group, message);
  message[2] = static_cast<std::uint8_t>(sum >> 8U);
  message[3] = static_cast<std::uint8_t>(sum & 0xffU);

  std::vector<std::uint8_t> frame{0x33, 0x33};
  append(frame, Bytes(group).last(4));
  append(frame, sender.bytes);
  append(frame, kIp6Type);
  append(frame, std::array<std::uint8_t, 8>{0x60, 0, 0, 0, 0, kNdSize, kIcmp6, kHopLimit});
  append(frame, std::array<std::uint8_t, 16>{});
  append(frame, group);
  append(frame, message);
  return frame;
}

std::optional<Neighbour> claim_in_arp(Bytes arp) {
  if (arp.size() < kArpSize || !std::ranges::equal(arp.first(kArpStart.size()), kArpStart) ||
      arp[kArpOperation] != 0 || arp[kArpOperation + 1] < 1 || arp[kArpOperation + 1] > 2) {
    return std::nullopt;
  }
  const IpAddress sender = IpAddress::of(arp.subspan(kArpSenderIp, 4));
  const IpAddress claimed =
      sender.is_unspecified() ? IpAddress::of(arp.subspan(kArpTargetIp, 4)) : sender;
  return Neighbour{claimed, mac_at(arp, kArpSender), false};
}

/// The first option that is the sender's Ethernet address, else where the frame comes from.
MacAddress advertised_mac(Bytes options, const MacAddress& source) {
  while (options.size() >= 8 && options[1] != 0) {
    if (options[0] == kTargetMacOption) {
      return mac_at(options, 2);
    }
    options = options.subspan(std::min<std::size_t>(options[1] * std::size_t{8}, options.size()));
  }
  return source;
}

std::optional<Neighbour> claim_in_ip6(Bytes packet, const MacAddress& source) {
  if (packet.size() < kIp6Size + kNdSize || packet[0] >> 4U != 6 || packet[6] != kIcmp6 ||
      packet[7] != kHopLimit) {
    return std::nullopt;
  }
  const Bytes message = packet.subspan(kIp6Size);
  const IpAddress target = IpAddress::of(message.subspan(kNdTarget, 16));
  if (message[0] == kAdvertisement && message[1] == 0) {
    return Neighbour{target, advertised_mac(message.subspan(kNdSize), source), false};
  }
  // Whoever asks without an address is about to take the one that is asked for.
  const bool has_none = IpAddress::of(packet.subspan(kIp6Source, 16)).is_unspecified();
  if (message[0] == kSolicitation && message[1] == 0 && has_none) {
    return Neighbour{target, source, false};
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::uint8_t> question_frame(const IpAddress& address, const MacAddress& sender) {
  return address.is_v4() ? arp_probe(address.bytes(), sender)
                         : solicitation(address.bytes(), sender);
}

std::optional<Neighbour> claim_in(std::span<const std::uint8_t> frame) {
  if (frame.size() < kEtherSize) {
    return std::nullopt;
  }
  const Bytes type = frame.subspan(kEtherType, 2);
  const Bytes body = frame.subspan(kEtherSize);
  if (std::ranges::equal(type, kArpType)) {
    return claim_in_arp(body);
  }
  return std::ranges::equal(type, kIp6Type) ? claim_in_ip6(body, mac_at(frame, kMacSize))
                                            : std::nullopt;
}

}  // namespace mosb::net
