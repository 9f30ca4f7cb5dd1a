#include "tests/net/frame.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/must.h"

namespace mosb::net {

namespace {

constexpr std::string_view kMark = "mosb-frame-mark!";
constexpr int kPatienceMs = 150;

void append(Bytes& to, std::span<const std::uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void append16(Bytes& to, std::size_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8U));
  to.push_back(static_cast<std::uint8_t>(value));
}

void append(Bytes& to, const std::string& address) {
  append(to, must(IpAddress::parse(address)).bytes());
}

void append_mark(Bytes& to) {
  to.insert(to.end(), kMark.begin(), kMark.end());
}

/// RFC 1071 over `bytes`, and `sum` of what else belongs to it.
std::uint16_t checksum(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += std::uint32_t{bytes[i]} << (i % 2 == 0 ? 8U : 0U);
  }
  while ((sum >> 16U) != 0) {
    sum = (sum & 0xffffU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(~sum);
}

void put16(Bytes& in, std::size_t at, std::uint16_t value) {
  in[at] = static_cast<std::uint8_t>(value >> 8U);
  in[at + 1] = static_cast<std::uint8_t>(value);
}

Bytes ethernet(const Frame& frame, std::uint16_t type) {
  Bytes bytes;
  append(bytes, frame.to.bytes);
  append(bytes, frame.from.bytes);
  append16(bytes, type);
  return bytes;
}

Bytes ip4_header(const std::string& source, const std::string& destination, std::size_t payload) {
  Bytes header{0x45, 0};
  append16(header, 20 + payload);
  append(header, Bytes{0, 0, 0, 0, 64, 17, 0, 0});
  append(header, source);
  append(header, destination);
  put16(header, 10, checksum(header));
  return header;
}

Bytes ip6_header(const std::string& source,
                 const std::string& destination,
                 std::uint8_t protocol,
                 std::size_t payload) {
  Bytes header{0x60, 0, 0, 0};
  append16(header, payload);
  append(header, Bytes{protocol, 255});
  append(header, source);
  append(header, destination);
  return header;
}

UniqueFd packet_socket(const std::string& device) {
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(::if_nametoindex(device.c_str()));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0) {
    throw std::runtime_error("bind to " + device);
  }
  return fd;
}

/// A mark in what arrives soon; what the device itself sent does not count.
bool sees_mark(int fd) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  while (::poll(&ready, 1, kPatienceMs) > 0) {
    std::array<char, 2048> bytes{};
    sockaddr_ll from{};
    socklen_t length = sizeof from;
    const ssize_t size =
        ::recvfrom(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    const std::string_view frame(bytes.data(),
                                 static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (from.sll_pkttype != PACKET_OUTGOING && frame.find(kMark) != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

Bytes Frame::arp(const MacAddress& sender, const std::string& address) const {
  Bytes bytes = ethernet(*this, ETHERTYPE_ARP);
  append(bytes, Bytes{0, 1, 8, 0, 6, 4, 0, 1});
  append(bytes, sender.bytes);
  append(bytes, address);
  append(bytes, Bytes(6));
  append(bytes, "10.0.3.1");
  append_mark(bytes);
  return bytes;
}

Bytes Frame::udp(const std::string& source,
                 const std::string& destination,
                 std::uint16_t source_port,
                 std::uint16_t port) const {
  Bytes datagram;
  append16(datagram, source_port);
  append16(datagram, port);
  append16(datagram, 8 + kMark.size());
  append16(datagram, 0);
  append_mark(datagram);
  const bool is_v4 = source.find(':') == std::string::npos;
  Bytes bytes = ethernet(*this, is_v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  append(bytes,
         is_v4 ? ip4_header(source, destination, datagram.size())
               : ip6_header(source, destination, 17, datagram.size()));
  append(bytes, datagram);
  return bytes;
}

Bytes Frame::icmp6(const std::string& source, std::uint8_t type, const std::string& target) const {
  Bytes message{type, 0, 0, 0, 0, 0, 0, 0};
  append(message, target);
  append_mark(message);
  const Bytes header = ip6_header(source, "ff02::1", 58, message.size());
  const auto addresses = std::span(header).subspan(8);
  const auto pseudo = static_cast<std::uint16_t>(~checksum(addresses));
  const auto sum = static_cast<std::uint32_t>(pseudo + message.size() + 58);
  put16(message, 2, checksum(message, sum));
  Bytes bytes = ethernet(*this, ETHERTYPE_IPV6);
  append(bytes, header);
  append(bytes, message);
  return bytes;
}

Bytes Frame::tagged(Bytes frame) {
  const Bytes tag{0x81, 0x00, 0x00, 0x01};
  frame.insert(frame.begin() + 12, tag.begin(), tag.end());
  return frame;
}

void send_frame(const NetNs& where, const Bytes& frame) {
  where.in([&] {
    const UniqueFd fd = packet_socket("eth0");
    if (::send(fd.get(), frame.data(), frame.size(), 0) < 0) {
      throw std::runtime_error(std::string("send: ") + ::strerror(errno));
    }
  });
}

bool arrives(const NetNs& from, const Bytes& frame, const NetNs& at, const std::string& device) {
  bool seen = false;
  at.in([&] {
    const UniqueFd fd = packet_socket(device);
    send_frame(from, frame);
    seen = sees_mark(fd.get());
  });
  return seen;
}

}  // namespace mosb::net
