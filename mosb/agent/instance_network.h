#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/applied_state.h"
#include "mosb/agent/configuration.h"
#include "mosb/agent/name_files.h"
#include "mosb/agent/paths.h"
#include "mosb/agent/service_network.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/step.h"
#include "mosb/base/result.h"
#include "mosb/net/foreign_firewall.h"
#include "mosb/net/netlink.h"
#include "mosb/net/network_plan.h"
#include "mosb/net/nft.h"

namespace mosb::agent {

/// The network of an instance as what is applied wants it: the bridge, the rules, and for each
/// service at the bridge the files that it finds names by.
struct NetworkWish {
  net::NetworkSpec spec;
  std::map<std::string, NameFiles> files;
  /// bridge.adjust_firewall of mosb.yaml.
  bool adjust_firewall = false;
};

/// Of every service that is applied, not held down, and has a place at the bridge. Pure but for
/// `host_resolv_conf`, the host's own. Errors: kNetSetup for a port of the host that two services
/// want.
Result<NetworkWish> network_wish(const std::string& instance,
                                 const AppliedState& state,
                                 const Addresses& addresses,
                                 std::string_view host_resolv_conf);

/// Chooses addresses for the connected ones among `targets`, beside those of `state`, which keep
/// theirs. Writes nothing; without a connected service nothing of the host is looked at either.
Result<Addresses> reserve_addresses(const Paths& paths,
                                    const std::string& instance,
                                    const BridgeConfiguration& configuration,
                                    const AppliedState& state,
                                    const std::vector<manifest::Target>& targets);

/// Takes the host's network from what is to what shall be. Loads no library and reads nothing as
/// long as no service ever wanted a network.
class InstanceNetwork {
 public:
  InstanceNetwork(const Paths& paths, std::string instance);

  /// What bring() would do. Changes nothing. `facts`: what runs.
  Result<std::vector<Step>> plan(const NetworkWish& wish,
                                 const std::map<std::string, ServiceFacts>& facts) const;
  /// What was changed on this host in this boot; nullopt if nothing was. Errors: kState.
  Result<std::optional<net::NetworkRecord>> read_record() const;
  /// Refuses a port of the host that a process holds, unless the service that wants it runs with
  /// it already, and a foreign firewall that would drop what services send and may not be adjusted.
  /// Errors: kNetSetup.
  /// `before`: what the services that run have now.
  Status check(const NetworkWish& before,
               const NetworkWish& wish,
               const std::map<std::string, ServiceFacts>& facts) const;
  /// The first half of that, for one service.
  Status check_ports(const NetworkWish& before,
                     const net::ServicePort& service,
                     const std::map<std::string, ServiceFacts>& facts) const;
  /// Bridge, rules, settings, name files; devices that a running service lost are made again.
  Status bring(const NetworkWish& wish, const std::map<std::string, ServiceFacts>& facts) const;

 private:
  struct Look;
  Result<Look> look(const NetworkWish& wish,
                    const std::map<std::string, ServiceFacts>& facts) const;
  bool is_needless(const NetworkWish& wish) const;
  Status write_record(const net::NetworkRecord& record) const;
  Result<std::vector<net::ForeignDrop>> to_adjust(const NetworkWish& wish) const;
  Status let_pass(const NetworkWish& wish) const;
  Status leave_other_bridge(const NetworkWish& wish) const;
  Status bring_all(const NetworkWish& wish, const std::map<std::string, ServiceFacts>& facts) const;

  const Paths& paths_;
  std::string instance_;
  std::unique_ptr<net::Netlink> netlink_;
  std::unique_ptr<net::Nft> nft_;
};

}  // namespace mosb::agent
