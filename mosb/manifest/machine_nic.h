#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/ip_address.h"

namespace mosb::manifest {

/// A port of the host that leads to a port of the machine.
struct MachinePort {
  enum class Protocol { kTcp, kUdp };
  Protocol protocol = Protocol::kTcp;
  /// IPv4; nullopt: all addresses of the host.
  std::optional<IpAddress> host_address;
  std::uint16_t host = 0;
  /// IPv4; nullopt: the machine's own.
  std::optional<IpAddress> guest_address;
  std::uint16_t guest = 0;
  bool operator==(const MachinePort&) const = default;
};

/// What a network card is connected to.
struct MachineNetwork {
  enum class Type { kUser, kNone, kBridge, kTap };
  Type type = Type::kUser;
  /// Of the bridge or tap.
  std::string device = {};
  bool operator==(const MachineNetwork&) const = default;
};

/// The program that a card brings to boot from the network.
struct MachineRom {
  enum class From { kDefault, kNone, kFile };
  From from = From::kDefault;
  std::string path = {};
  bool operator==(const MachineRom&) const = default;
};

struct MachineNic {
  /// ^[a-z][a-z0-9-]{0,30}$, unique.
  std::string id;
  /// "virtio-net", "e1000", "e1000e", "rtl8139" or "igb".
  std::string device;
  MachineNetwork network;
  std::vector<MachinePort> ports;
  /// A forward as well for each port that the services of the machine's manifest publish.
  bool forward_auto = false;
  /// In lower case; "" for one made from the names.
  std::string mac;
  std::optional<std::uint32_t> bootindex;
  MachineRom rom;
  /// On the PCI bus, 1 to 30.
  std::optional<std::uint8_t> slot;
  bool operator==(const MachineNic&) const = default;
};

}  // namespace mosb::manifest
