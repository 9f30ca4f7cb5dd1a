#include "mosb/net/socket_table.h"

#include "fuzz.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

/// Whoever waits at an address is reached there.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  for (const net::Protocol protocol : {net::Protocol::kTcp, net::Protocol::kUdp}) {
    const auto sockets = net::parse_socket_table(text, protocol);
    fuzz::require(sockets.size() <= size);
    for (const net::ListeningSocket& socket : sockets) {
      fuzz::require(net::reached_at({socket}, protocol, socket.address, socket.port) ==
                    net::Reached::kYes);
    }
  }
  return 0;
}
