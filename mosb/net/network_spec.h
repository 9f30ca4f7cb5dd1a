#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/ip_address.h"
#include "mosb/net/mac_address.h"

namespace mosb::net {

enum class Protocol : std::uint8_t { kTcp, kUdp };
/// "tcp", "udp".
const char* protocol_name(Protocol protocol);

/// What arrives at a port of the host goes on to a port of a service.
struct PortForward {
  Protocol protocol = Protocol::kTcp;
  /// Only what is sent to this address of the host; nullopt: to any of them.
  std::optional<IpAddress> host_ip;
  std::uint16_t host_port = 0;
  std::uint16_t port = 0;
  bool operator==(const PortForward&) const = default;
};

/// The bridge as it shall be. The addresses are the bridge's own, with their networks' lengths.
struct BridgeSpec {
  std::string name = "lxcbr0";
  IpPrefix ipv4;
  std::optional<IpPrefix> ipv6;
  bool operator==(const BridgeSpec&) const = default;
};

/// One service's place at the bridge.
struct ServicePort {
  std::string service;
  MacAddress mac;
  IpAddress ipv4;
  std::optional<IpAddress> ipv6;
  /// Other services cannot be reached, nor reach it.
  bool isolated = false;
  std::vector<PortForward> forwards;
  bool operator==(const ServicePort&) const = default;
};

/// The network of one instance as it shall be; without services there shall be none of it.
struct NetworkSpec {
  /// 8 lower-case hexadecimal digits; in the name or the alias of everything that is made.
  std::string instance;
  BridgeSpec bridge;
  /// By service name.
  std::vector<ServicePort> services;
  bool operator==(const NetworkSpec&) const = default;
};

/// The host's end of a service's veth pair: "mv" and 8 hexadecimal digits, at most 15 bytes as the
/// kernel wants, the same for the same two names.
std::string device_name(const std::string& instance, const std::string& service);
/// What the kernel keeps beside a device as its alias: "mosb:INSTANCE:service:NAME" and
/// "mosb:INSTANCE:bridge".
std::string device_tag(const std::string& instance, const std::string& service);
std::string bridge_tag(const std::string& instance);

}  // namespace mosb::net
