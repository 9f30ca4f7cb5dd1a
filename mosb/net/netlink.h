#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mosb/base/ip_address.h"
#include "mosb/base/result.h"
#include "mosb/net/mac_address.h"

namespace mosb::net {

/// A network device as rtnetlink shows it.
struct Link {
  int index = 0;
  std::string name;
  /// IFLA_IFALIAS.
  std::string alias;
  /// IFLA_INFO_KIND: "veth", "bridge"; "" for hardware.
  std::string kind;
  /// Index of the bridge that it is a port of, or 0.
  int master = 0;
  bool up = false;
};

/// Who has an address, as far as the kernel was told: it may have gone since.
struct Neighbour {
  IpAddress address;
  MacAddress mac;
  /// NUD_PERMANENT: somebody wrote it down, and the kernel never asks anew.
  bool is_permanent = false;
  bool operator==(const Neighbour&) const = default;
};

/// A veth pair: both ends exist, tagged and in their places, or neither does. Whoever is killed in
/// between leaves one whose name shows whose it is, and that the next plan removes.
struct VethPair {
  std::string name;
  std::string alias;
  int master = 0;
  std::string peer_name;
  MacAddress peer_mac;
  /// Descriptor of the network namespace that the peer is made in.
  int peer_netns = -1;
};

/// The seam to rtnetlink; tests have a fake that records. All of it happens in the caller's network
/// namespace. Errors: kNetSetup with the kernel's words.
class Netlink {
 public:
  virtual ~Netlink() = default;
  virtual Result<std::vector<Link>> links() = 0;
  virtual Result<std::vector<IpPrefix>> addresses(int index) = 0;
  /// Those that the kernel knows at the device with an Ethernet address.
  virtual Result<std::vector<Neighbour>> neighbours(int index) = 0;
  /// The kernel asks anew who has the address at the device. ok() if it knew nothing.
  virtual Status forget_neighbour(int index, const IpAddress& address) = 0;
  virtual Status make_bridge(const std::string& name, const std::string& alias) = 0;
  virtual Status make_veth(const VethPair& pair) = 0;
  /// Frames may go back out of the bridge port that they came in at; and whether ports that are
  /// both isolated reach each other.
  virtual Status set_bridge_port(int index, bool hairpin, bool isolated) = 0;
  virtual Status set_master(int index, int master) = 0;
  /// Without duplicate address detection: the pool knows who has it.
  virtual Status add_address(int index, const IpPrefix& address) = 0;
  virtual Status add_default_route(int index, const IpAddress& gateway) = 0;
  virtual Status set_up(int index) = 0;
  virtual Status remove(int index) = 0;
  /// Runs `work` on a thread in the network namespace `netns`, with a seam to that one.
  virtual Status in_namespace(int netns, const std::function<Status(Netlink&)>& work) = 0;
  /// Of the caller's network namespace: "net.ipv4.ip_forward". nullopt if it does not exist.
  virtual Result<std::optional<std::string>> setting(const std::string& name) = 0;
  virtual Status set(const std::string& name, const std::string& value) = 0;
};

/// Through libnl, which is loaded when it is first used.
class LibNetlink : public Netlink {
 public:
  Result<std::vector<Link>> links() override;
  Result<std::vector<IpPrefix>> addresses(int index) override;
  Result<std::vector<Neighbour>> neighbours(int index) override;
  Status forget_neighbour(int index, const IpAddress& address) override;
  Status make_bridge(const std::string& name, const std::string& alias) override;
  Status make_veth(const VethPair& pair) override;
  Status set_bridge_port(int index, bool hairpin, bool isolated) override;
  Status set_master(int index, int master) override;
  Status add_address(int index, const IpPrefix& address) override;
  Status add_default_route(int index, const IpAddress& gateway) override;
  Status set_up(int index) override;
  Status remove(int index) override;
  Status in_namespace(int netns, const std::function<Status(Netlink&)>& work) override;
  Result<std::optional<std::string>> setting(const std::string& name) override;
  Status set(const std::string& name, const std::string& value) override;
};

}  // namespace mosb::net
