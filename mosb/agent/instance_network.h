#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/network_wish.h"
#include "mosb/agent/paths.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/step.h"
#include "mosb/base/result.h"
#include "mosb/net/foreign_firewall.h"
#include "mosb/net/netlink.h"
#include "mosb/net/network_plan.h"
#include "mosb/net/nft.h"

namespace mosb::agent {

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
  /// it already, one at an address of IPv6 for a service without, and a foreign firewall that would
  /// drop what services send and may not be adjusted. `before`: what the services that run have
  /// now. Errors: kNetSetup.
  Status check(const NetworkWish& before,
               const NetworkWish& wish,
               const std::map<std::string, ServiceFacts>& facts) const;
  /// Of that what is about ports, for one service.
  Status check_ports(const NetworkWish& before,
                     const net::ServicePort& service,
                     const std::map<std::string, ServiceFacts>& facts) const;
  /// Of that what is about firewalls.
  Status check_firewalls(const NetworkWish& wish) const;
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
