#include "mosb/net/socket_diag.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>

#include "mosb/base/file.h"
#include "mosb/base/unique_fd.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

constexpr ByteCount kMaxTable{4 * kMiB};

struct Bound {
  UniqueFd socket;
  std::uint16_t port = 0;
};

/// A socket at an address of this host, listening if it is of TCP, at a port that the kernel chose.
Bound bound(int type, const char* text) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  REQUIRE(::inet_pton(AF_INET6, text, &address.sin6_addr) == 1);
  Bound made{UniqueFd(::socket(AF_INET6, type | SOCK_CLOEXEC, 0))};
  REQUIRE(made.socket.is_open());
  socklen_t size = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(made.socket.get(), name, size) == 0);
  REQUIRE(::getsockname(made.socket.get(), name, &size) == 0);
  made.port = ntohs(address.sin6_port);
  if (type == SOCK_STREAM) {
    REQUIRE(::listen(made.socket.get(), 1) == 0);
  }
  return made;
}

/// Addresses of the sockets at a port, each with its protocol.
std::vector<std::string> at_port(const std::vector<ListeningSocket>& sockets, std::uint16_t port) {
  std::vector<std::string> found;
  for (const ListeningSocket& socket : sockets) {
    if (socket.port == port) {
      found.push_back(protocol_name(socket.protocol) + (" " + socket.address.str()));
    }
  }
  return found;
}

inet_diag_msg answer(std::uint8_t family) {
  inet_diag_msg message{};
  message.idiag_family = family;
  message.id.idiag_sport = htons(5000);
  message.idiag_inode = 7;
  return message;
}

}  // namespace

TEST_CASE("who waits for others is found, whether the kernel is asked or prints it", "[net]") {
  const Bound tcp = bound(SOCK_STREAM, "::1");
  const Bound both = bound(SOCK_STREAM, "::");
  const Bound mapped = bound(SOCK_STREAM, "::ffff:127.0.0.1");
  const Bound udp = bound(SOCK_DGRAM, "::1");
  const auto asked = diagnosed_sockets();
  REQUIRE(asked);
  std::vector<ListeningSocket> printed =
      parse_socket_table(must(read_kernel_file("/proc/self/net/tcp6", kMaxTable)), Protocol::kTcp);
  for (const ListeningSocket& socket : parse_socket_table(
           must(read_kernel_file("/proc/self/net/udp6", kMaxTable)), Protocol::kUdp)) {
    printed.push_back(socket);
  }
  for (const auto& sockets :
       {*asked, must(own_listening_sockets()), must(listening_sockets(::getpid()))}) {
    CHECK(at_port(sockets, tcp.port) == std::vector<std::string>{"tcp ::1"});
    CHECK(at_port(sockets, both.port) == std::vector<std::string>{"tcp ::"});
    CHECK(at_port(sockets, mapped.port) == std::vector<std::string>{"tcp 127.0.0.1"});
    CHECK(at_port(sockets, udp.port) == std::vector<std::string>{"udp ::1"});
  }
}

TEST_CASE("a connection is nobody who waits", "[net]") {
  const Bound server = bound(SOCK_STREAM, "::1");
  const UniqueFd client(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  address.sin6_port = htons(server.port);
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  const auto sockets = must(own_listening_sockets());
  CHECK(at_port(sockets, ntohs(address.sin6_port)).empty());
  CHECK(at_port(sockets, server.port).size() == 1);
}

TEST_CASE("a process that has ended has no sockets", "[net]") {
  CHECK(must(listening_sockets(0x3fffffff)).empty());
}

TEST_CASE("answers of unknown families are passed over", "[net]") {
  inet_diag_msg four = answer(AF_INET);
  four.id.idiag_src[0] = htonl(0x0a000363);
  four.id.idiag_src[1] = ~0U;  // not of the address
  const auto socket = socket_of(four, Protocol::kUdp);
  REQUIRE(socket);
  CHECK(socket->address.str() == "10.0.3.99");
  CHECK(socket->port == 5000);
  CHECK(socket->inode == 7);
  CHECK(socket->protocol == Protocol::kUdp);
  CHECK_FALSE(socket_of(answer(AF_UNIX), Protocol::kTcp));
}
