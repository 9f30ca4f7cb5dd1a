#pragma once

#include <map>
#include <string>
#include <vector>

#include "mosb/base/json.h"
#include "mosb/base/result.h"
#include "mosb/net/network_spec.h"
#include "mosb/net/network_state.h"

namespace mosb::net {

/// What was done to this host in this boot: kept by the caller, so that it can be taken back.
struct NetworkRecord {
  /// A digest of the NetworkSpec that the tables were last made for.
  std::string spec;
  /// NetworkState::rules right after that.
  std::string rules;
  /// Settings that were changed: the value from before.
  std::map<std::string, std::string> settings;
  /// The bridge that it was done for.
  std::string bridge = {};
  bool operator==(const NetworkRecord&) const = default;
};
Json to_json(const NetworkRecord& record);
/// Errors: kState.
Result<NetworkRecord> parse_network_record(const Json& json);

/// One thing to do, as a value.
struct NetworkStep {
  enum class Action {
    kMakeBridge,
    kAddBridgeAddress,
    kRaiseBridge,
    kReplaceRules,
    kSet,
    kAttachDevice,
    kRemoveDevice,
    kRestore,
    kRemoveRules,
    kRemoveBridge,
  };
  Action action;
  /// A device, a table, or a setting.
  std::string object;
  /// The value of a setting; an address.
  std::string value;
  /// For people: why.
  std::string reason;
  bool operator==(const NetworkStep&) const = default;
};

/// In the order in which they are safe: route_localnet is never on without the rule that guards it.
/// `running`: the services whose device shall exist; devices of others are removed.
/// Pure. Errors: kNetSetup for a bridge that is not one, is somebody else's with another network,
/// or is down for a reason of its owner's.
Result<std::vector<NetworkStep>> plan_network(const NetworkSpec& spec,
                                              const NetworkState& state,
                                              const NetworkRecord& record,
                                              const std::vector<std::string>& running);
/// What is done to the object, and why: "make the bridge (there is none)".
std::string describe(const NetworkStep& step);

/// Does the steps; `record` is true to what was done even if one fails. Errors: kNetSetup, kHost.
Status execute(const std::vector<NetworkStep>& steps,
               const NetworkSpec& spec,
               Netlink& netlink,
               Nft& nft,
               NetworkRecord& record);

/// Makes the service's veth pair: one end at the bridge, tagged, the other as eth0 in the network
/// namespace `netns`, with addresses and default routes, up. If this fails nothing of it is left.
/// Errors: kNetSetup, naming the device.
Status connect(const NetworkSpec& spec, const ServicePort& service, int netns, Netlink& netlink);
/// Removes the devices of the services that exist and carry our tag.
Status disconnect(const NetworkSpec& spec,
                  const std::vector<std::string>& services,
                  Netlink& netlink);

}  // namespace mosb::net
