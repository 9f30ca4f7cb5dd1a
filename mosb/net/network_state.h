#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/net/netlink.h"
#include "mosb/net/nft.h"

namespace mosb::net {

/// What lies at the bridge's name.
struct BridgeFacts {
  int index = 0;
  bool is_bridge = false;
  bool up = false;
  /// Made by this instance, and to be removed by it.
  bool ours = false;
  std::vector<IpPrefix> addresses;
  /// Devices at it, anybody's.
  std::size_t ports = 0;
};

/// A device that carries this instance's tag.
struct DeviceFacts {
  std::string name;
  int index = 0;
  std::string service;
  bool up = false;
  /// At the bridge that was asked about.
  bool at_bridge = false;
};

/// What the kernel says; nothing of it is remembered.
struct NetworkState {
  std::optional<BridgeFacts> bridge;
  std::vector<DeviceFacts> devices;
  /// A digest over what both tables hold now, whatever the order of their elements; "" if either
  /// is missing.
  std::string rules;
  /// The settings that mosb needs and that exist here, "net.ipv4.ip_forward" and so on: value.
  std::map<std::string, std::string> settings;
};

/// Errors: kHost, kNetSetup. Where the kernel has no nf_tables there are no rules.
Result<NetworkState> read_network_state(const std::string& instance,
                                        const std::string& bridge,
                                        Netlink& netlink,
                                        Nft& nft);

}  // namespace mosb::net
