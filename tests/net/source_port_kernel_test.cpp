#include <array>
#include <cstring>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "mosb/base/unique_fd.h"
#include "tests/net/net_lab.h"

using namespace mosb;
using namespace mosb::net;

namespace {

sockaddr_in at(const char* address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &to.sin_addr);
  return to;
}

/// A connection of the host's to somebody outside, from a port of one's choice.
class Outgoing {
 public:
  Outgoing(Protocol protocol, std::uint16_t from)
      : fd_(::socket(
            AF_INET, (protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    const timeval patience{.tv_sec = 3, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const sockaddr_in own = at("0.0.0.0", from);
    const sockaddr_in to = at("192.0.2.2", 9000);
    works_ = ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0 &&
             ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  bool works() const { return works_; }
  bool ask() const { return ::send(fd_.get(), "x", 1, MSG_NOSIGNAL) == 1; }
  std::string answer() const {
    std::array<char, 100> text{};
    const ssize_t size = ::recv(fd_.get(), text.data(), text.size(), 0);
    return size < 0 ? "nothing" : std::string(text.data(), static_cast<std::size_t>(size));
  }

 private:
  UniqueFd fd_;
  bool works_ = false;
};

}  // namespace

TEST_CASE("a connection of the host's own from a forwarded port and the forward go on side by side",
          "[net]") {
  NetLab lab;
  lab.settle();
  lab.connect("a");
  const EchoServer a(lab.ns("a"), 5000);
  const EchoServer outside(lab.outside, 9000);
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    CAPTURE(protocol_name(protocol));
    lab.host.in([&] {
      const Outgoing own(protocol, 80);
      REQUIRE(own.works());
      // TCP is answered unasked; what nobody reads would end the connection.
      REQUIRE((protocol == Protocol::kTcp || own.ask()));
      CHECK(ask(lab.outside, protocol, "192.0.2.1", 80) == "192.0.2.2");
      CHECK(own.answer() == "192.0.2.1");
      CHECK(ask(lab.outside, protocol, "192.0.2.1", 80) == "192.0.2.2");
    });
  }
}
