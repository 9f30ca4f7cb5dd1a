#include "mosb/net/socket_table.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <future>

#include <fcntl.h>
#include <sched.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/net/socket_conflict.h"
#include "mosb/net/socket_diag.h"

namespace mosb::net {

namespace {

using Sockets = std::vector<ListeningSocket>;

/// About 400,000 sockets. A host with more is not looked at.
constexpr ByteCount kMaxTable{64 * kMiB};

// include/net/tcp_states.h; an unconnected UDP socket is TCP_CLOSE.
constexpr std::string_view kListen = "0A";
constexpr std::string_view kUnconnected = "07";

/// The fields of a line: 1 is the local address, 3 the state, 9 the inode.
constexpr std::size_t kLocal = 1;
constexpr std::size_t kState = 3;
constexpr std::size_t kInode = 9;

constexpr std::size_t kWordDigits = 8;

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (fields.size() <= kInode) {
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos) {
      break;
    }
    line.remove_prefix(start);
    const std::size_t end = std::min(line.find(' '), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
  return fields;
}

/// All of the text is one number.
template <class Number>
std::optional<Number> number_of(std::string_view text, int base) {
  Number number = 0;
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (err != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

/// The kernel prints each 32-bit word of an address, which is in network order, as a number of
/// this machine: copied as that number, its bytes are in network order again.
std::optional<IpAddress> address_of(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  if (text.size() != kWordDigits && text.size() != 4 * kWordDigits) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < text.size() / kWordDigits; ++i) {
    const auto word = number_of<std::uint32_t>(text.substr(i * kWordDigits, kWordDigits), 16);
    if (!word) {
      return std::nullopt;
    }
    std::memcpy(bytes.data() + 4 * i, &*word, sizeof *word);
  }
  return text.size() == kWordDigits ? IpAddress::of(std::span(bytes).first(4))
                                    : IpAddress::unmapped(bytes);
}

std::optional<ListeningSocket> socket_of(std::string_view line, Protocol protocol) {
  const std::vector<std::string_view> fields = fields_of(line);
  if (fields.size() <= kInode ||
      fields[kState] != (protocol == Protocol::kTcp ? kListen : kUnconnected)) {
    return std::nullopt;
  }
  const std::size_t colon = std::min(fields[kLocal].find(':'), fields[kLocal].size() - 1);
  const auto address = address_of(fields[kLocal].substr(0, colon));
  const auto port = number_of<std::uint16_t>(fields[kLocal].substr(colon + 1), 16);
  const auto inode = number_of<std::uint64_t>(fields[kInode], 10);
  if (!address || !port || !inode) {
    return std::nullopt;
  }
  return ListeningSocket{.protocol = protocol, .address = *address, .port = *port, .inode = *inode};
}

/// :: takes IPv4 as well, unless the program asked for less, which cannot be seen.
bool takes(const ListeningSocket& socket, const IpAddress& address) {
  return socket.address == address ||
         (socket.address.is_unspecified() && (!socket.address.is_v4() || address.is_v4()));
}

/// From the tables that the kernel prints for a process. One that ends meanwhile has none.
Result<Sockets> printed_sockets(const std::string& process) {
  static constexpr std::pair<const char*, Protocol> kTables[] = {{"tcp", Protocol::kTcp},
                                                                 {"tcp6", Protocol::kTcp},
                                                                 {"udp", Protocol::kUdp},
                                                                 {"udp6", Protocol::kUdp}};
  Sockets sockets;
  for (const auto& [name, protocol] : kTables) {
    const auto text = read_kernel_file(process + "/net/" + name, kMaxTable);
    if (!text) {
      // No IPv6 in the kernel, or no process any more: EINVAL is what a process says that has
      // ended and was not waited for yet.
      const int err = text.error().sys_errno();
      if (err == ENOENT || err == ESRCH || err == EINVAL) {
        continue;
      }
      return Error(text.error()).as(Errc::kHost);
    }
    const Sockets more = parse_socket_table(*text, protocol);
    sockets.insert(sockets.end(), more.begin(), more.end());
  }
  return sockets;
}

}  // namespace

std::vector<ListeningSocket> parse_socket_table(std::string_view text, Protocol protocol) {
  std::vector<ListeningSocket> sockets;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const auto socket = socket_of(text.substr(0, end), protocol)) {
      sockets.push_back(*socket);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return sockets;
}

Result<std::vector<ListeningSocket>> listening_sockets(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  const auto netns = sys::open(process + "/ns/net", O_RDONLY);
  if (netns) {
    // A thread of its own, which ends in there.
    auto found =
        std::async(std::launch::async, [&]() -> std::optional<Sockets> {
          return ::setns(netns->get(), CLONE_NEWNET) == 0 ? diagnosed_sockets() : std::nullopt;
        }).get();
    if (found) {
      return std::move(*found);
    }
  }
  return printed_sockets(process);
}

Result<std::vector<ListeningSocket>> own_listening_sockets() {
  if (auto found = diagnosed_sockets()) {
    return std::move(*found);
  }
  // Of this thread: it may be in another network namespace than the process was started in.
  return printed_sockets("/proc/thread-self");
}

Reached reached_at(const std::vector<ListeningSocket>& sockets,
                   Protocol protocol,
                   const IpAddress& address,
                   std::uint16_t port) {
  Reached reached = Reached::kNo;
  for (const ListeningSocket& socket : sockets) {
    if (socket.protocol != protocol || socket.port != port) {
      continue;
    }
    if (takes(socket, address)) {
      return Reached::kYes;
    }
    if (socket.address.is_loopback()) {
      reached = Reached::kOnlyLoopback;
    }
  }
  return reached;
}

bool conflicts(const ListeningSocket& socket, const PortForward& forward) {
  if (socket.protocol != forward.protocol || socket.port != forward.host_port) {
    return false;
  }
  if (forward.host_ip) {
    return takes(socket, *forward.host_ip);
  }
  // ::1 is never forwarded, so a listener there loses nothing.
  return socket.address.is_v4() || !socket.address.is_loopback();
}

}  // namespace mosb::net
