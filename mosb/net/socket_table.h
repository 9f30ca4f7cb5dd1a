#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/net/network_spec.h"

namespace mosb::net {

/// A socket that waits for others: TCP in LISTEN, UDP bound.
struct ListeningSocket {
  Protocol protocol = Protocol::kTcp;
  /// 0.0.0.0 or :: for any.
  IpAddress address;
  std::uint16_t port = 0;
  std::uint64_t inode = 0;
};

/// Text in the form of /proc/net/tcp, tcp6, udp or udp6; lines that are no entries are passed over.
std::vector<ListeningSocket> parse_socket_table(std::string_view text, Protocol protocol);

/// All of the network namespace that process `pid` is in. A process that ends meanwhile has none.
/// Errors: kHost.
Result<std::vector<ListeningSocket>> listening_sockets(pid_t pid);

/// Whether a service that listens so is reached at `address` and `port` from outside its namespace.
enum class Reached { kYes, kOnlyLoopback, kNo };
Reached reached_at(const std::vector<ListeningSocket>& sockets,
                   Protocol protocol,
                   const IpAddress& address,
                   std::uint16_t port);

/// All of the caller's own network namespace. Errors: kHost.
Result<std::vector<ListeningSocket>> own_listening_sockets();
/// The socket that a forward would take the traffic of, or nullptr.
const ListeningSocket* find_holder(const PortForward& forward,
                                   const std::vector<ListeningSocket>& sockets);
/// Who has it open: "process 812 (nginx)", or "" if that cannot be told.
std::string holder_name(const ListeningSocket& socket);

}  // namespace mosb::net
