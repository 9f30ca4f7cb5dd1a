#pragma once

#include <map>
#include <string>
#include <vector>

#include "mosb/agent/desired.h"
#include "mosb/agent/instance_network.h"
#include "mosb/agent/switch_over.h"

namespace mosb::agent {

/// What is applied, with the addresses that go with it.
struct AppliedNetwork {
  const AppliedState& state;
  const Addresses& addresses;
};

/// The network of an instance before and after a change of what is applied.
class NetworkChange {
 public:
  /// Errors: those of network_wish() for `after`; what was applied before counts as it is.
  static Result<NetworkChange> make(const DesiredRequest& request,
                                    const AppliedNetwork& before,
                                    const AppliedNetwork& after);

  /// Tells services of each other: the names that they find in their files.
  void introduce(DesiredService& service) const;
  void introduce_before(DesiredService& service) const;
  /// Steps for people; refuses what the host cannot give. Changes nothing.
  Result<std::vector<Step>> plan(const std::map<std::string, ServiceFacts>& facts) const;
  /// Refuses a service whose ports of the host a process holds; one without ports has none to be
  /// held. Errors: kNetSetup.
  Status check_ports(const std::string& service,
                     const std::map<std::string, ServiceFacts>& facts) const;
  /// `facts` and this must outlive it.
  NetworkSwitch as_switch(const std::map<std::string, ServiceFacts>& facts) const;

 private:
  NetworkChange(const Paths& paths, const std::string& instance) : network_(paths, instance) {}

  InstanceNetwork network_;
  NetworkWish before_;
  NetworkWish after_;
};

}  // namespace mosb::agent
