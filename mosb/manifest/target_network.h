#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/ip_address.h"

namespace mosb::manifest {

/// A port of the host that leads to a port of the service.
struct TargetPort {
  enum class Protocol { kTcp, kUdp, kBoth };

  /// Version 2: for people and for `wait`.
  std::string name;
  Protocol protocol = Protocol::kTcp;
  /// Only what is sent to this address of the host; nullopt: to any.
  std::optional<IpAddress> host_ip;
  std::uint16_t host = 0;
  std::uint16_t container = 0;
  /// How long a start waits until something listens at the port; nullopt: not at all.
  std::optional<std::chrono::milliseconds> wait;
  bool operator==(const TargetPort&) const = default;
};

/// "tcp", "udp", "both".
const char* protocol_name(TargetPort::Protocol protocol);

/// Where the service's resolver asks.
struct TargetDns {
  enum class From {
    /// What the host asks.
    kHost,
    /// Nobody.
    kNone,
    /// `servers`.
    kServers,
  };
  From from = From::kHost;
  std::vector<IpAddress> servers = {};
  std::vector<std::string> search = {};
  std::vector<std::string> options = {};
  bool operator==(const TargetDns&) const = default;
};

/// An address that the author of a manifest chose. Without a length it is the bridge's.
struct TargetAddress {
  IpAddress address;
  std::optional<unsigned> length;
  bool operator==(const TargetAddress&) const = default;
};

struct TargetNetwork {
  enum class Type { kNone, kHost, kSimple };
  Type type = Type::kNone;

  // Only with kSimple.
  /// nullopt: from the pool.
  std::optional<TargetAddress> ipv4 = std::nullopt;
  std::optional<TargetAddress> ipv6 = std::nullopt;
  std::vector<TargetPort> ports = {};
  /// Other services cannot be reached, nor reach it.
  bool isolate = false;
  TargetDns dns = {};
  bool operator==(const TargetNetwork&) const = default;
};

}  // namespace mosb::manifest
