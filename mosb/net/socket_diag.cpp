#include "mosb/net/socket_diag.h"

#include <array>
#include <cstring>
#include <span>

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "mosb/net/netlink_socket.h"

namespace mosb::net {

namespace {

struct Question {
  Protocol protocol;
  std::uint8_t ip_protocol;
  /// States asked for, one bit each. An unconnected UDP socket is TCP_CLOSE.
  std::uint32_t states;
};

constexpr std::array kQuestions{Question{Protocol::kTcp, IPPROTO_TCP, 1U << TCP_LISTEN},
                                Question{Protocol::kUdp, IPPROTO_UDP, 1U << TCP_CLOSE}};

Status ask(std::uint8_t family, const Question& question, std::vector<ListeningSocket>& sockets) {
  NetlinkSocket socket = MOSB_TRY(NetlinkSocket::open(NETLINK_SOCK_DIAG));
  NetlinkMessage message = MOSB_TRY(NetlinkMessage::make(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP));
  inet_diag_req_v2 request{};
  request.sdiag_family = family;
  request.sdiag_protocol = question.ip_protocol;
  request.idiag_states = question.states;
  message.append(request);
  return socket.ask(message, "list sockets", [&](const nlmsghdr& answer) {
    inet_diag_msg body{};
    if (answer.nlmsg_type != SOCK_DIAG_BY_FAMILY || answer.nlmsg_len < NLMSG_HDRLEN + sizeof body) {
      return;
    }
    std::memcpy(&body, reinterpret_cast<const std::byte*>(&answer) + NLMSG_HDRLEN, sizeof body);
    if (const auto found = socket_of(body, question.protocol)) {
      sockets.push_back(*found);
    }
  });
}

}  // namespace

std::optional<ListeningSocket> socket_of(const inet_diag_msg& answer, Protocol protocol) {
  // The kernel writes network order, IPv4 in the first word.
  std::array<std::uint8_t, 16> bytes{};
  static_assert(sizeof answer.id.idiag_src == sizeof bytes);
  std::memcpy(bytes.data(), answer.id.idiag_src, sizeof bytes);
  ListeningSocket socket{.protocol = protocol,
                         .address = {},
                         .port = ntohs(answer.id.idiag_sport),
                         .inode = answer.idiag_inode};
  if (answer.idiag_family == AF_INET) {
    socket.address = IpAddress::of(std::span(bytes).first(4));
  } else if (answer.idiag_family == AF_INET6) {
    socket.address = IpAddress::unmapped(bytes);
  } else {
    return std::nullopt;
  }
  return socket;
}

std::optional<std::vector<ListeningSocket>> diagnosed_sockets() {
  std::vector<ListeningSocket> sockets;
  for (const Question& question : kQuestions) {
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
      if (!ask(family, question, sockets)) {
        return std::nullopt;
      }
    }
  }
  return sockets;
}

}  // namespace mosb::net
