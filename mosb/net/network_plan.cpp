#include "mosb/net/network_plan.h"

#include <algorithm>

#include "mosb/base/digest.h"
#include "mosb/base/text.h"
#include "mosb/net/names.h"
#include "mosb/net/ruleset.h"

namespace mosb::net {

namespace {

using Action = NetworkStep::Action;

/// What a plan is made from, and the plan so far.
struct Planning {
  const NetworkSpec& spec;
  const NetworkState& state;
  const NetworkRecord& record;
  const std::vector<std::string>& running;
  std::vector<NetworkStep> steps;

  void add(Action action,
           const std::string& object,
           const std::string& value,
           const std::string& reason) {
    steps.push_back({action, object, value, reason});
  }
  bool is_running(const DeviceFacts& device) const {
    return std::find(running.begin(), running.end(), device.service) != running.end();
  }
};

bool has_ipv6(const NetworkSpec& spec) {
  return std::any_of(spec.services.begin(), spec.services.end(), [](const ServicePort& service) {
    return service.ipv6.has_value();
  });
}

bool forwards_ipv4(const NetworkSpec& spec) {
  return std::any_of(spec.services.begin(), spec.services.end(), [](const ServicePort& service) {
    return std::any_of(
        service.forwards.begin(), service.forwards.end(), [](const PortForward& forward) {
          return !forward.host_ip || forward.host_ip->is_v4();
        });
  });
}

/// The addresses of the wanted one's family, for people.
std::string shown(const std::vector<IpPrefix>& addresses, bool v4) {
  std::vector<std::string> texts;
  for (const IpPrefix& address : addresses) {
    if (address.address.is_v4() == v4) {
      texts.push_back(address.str());
    }
  }
  return texts.empty() ? v4 ? "no IPv4 address" : "no IPv6 address" : join(texts, ", ");
}

Status check_foreign_network(const std::string& name,
                             const BridgeFacts& bridge,
                             const IpPrefix& wanted) {
  for (const IpPrefix& address : bridge.addresses) {
    if (wanted.contains(address.address) && wanted.length == address.length) {
      return ok();
    }
  }
  return Error(Errc::kNetSetup,
               "bridge " + quote(name) + " is somebody else's and has " +
                   shown(bridge.addresses, wanted.address.is_v4()) + " instead of " + wanted.str())
      .with_hint("name another bridge, or another network for this one");
}

/// A bridge that mosb did not make is taken as it is or not at all.
Status check_foreign_bridge(const BridgeSpec& spec, const BridgeFacts& bridge) {
  MOSB_CHECK(check_foreign_network(spec.name, bridge, spec.ipv4));
  MOSB_CHECK(spec.ipv6 ? check_foreign_network(spec.name, bridge, *spec.ipv6) : ok());
  if (!bridge.up) {
    return Error(Errc::kNetSetup, "bridge " + quote(spec.name) + " is somebody else's and is down")
        .with_hint(spec.name == "lxcbr0"
                       ? "start what made it: systemctl start lxc-net"
                       : "have it raised by what made it, or: ip link set " + spec.name + " up");
  }
  return ok();
}

void plan_addresses(Planning& to, const std::vector<IpPrefix>& present) {
  const auto want = [&](const IpPrefix& address) {
    if (std::find(present.begin(), present.end(), address) == present.end()) {
      to.add(Action::kAddBridgeAddress, to.spec.bridge.name, address.str(), "it has not got it");
    }
  };
  want(to.spec.bridge.ipv4);
  if (to.spec.bridge.ipv6) {
    want(*to.spec.bridge.ipv6);
  }
}

Status plan_bridge(Planning& to) {
  const BridgeSpec& spec = to.spec.bridge;
  if (!to.state.bridge) {
    to.add(Action::kMakeBridge, spec.name, "", "there is none");
    plan_addresses(to, {});
    to.add(Action::kRaiseBridge, spec.name, "", "it is new");
    return ok();
  }
  if (!to.state.bridge->is_bridge) {
    return Error(Errc::kNetSetup, "device " + quote(spec.name) + " is there and is no bridge")
        .with_hint("name another bridge");
  }
  if (!to.state.bridge->ours) {
    return check_foreign_bridge(spec, *to.state.bridge);
  }
  plan_addresses(to, to.state.bridge->addresses);
  if (!to.state.bridge->up) {
    to.add(Action::kRaiseBridge, spec.name, "", "it is down");
  }
  return ok();
}

void plan_set(Planning& to, const std::string& setting, const std::string& reason) {
  const auto present = to.state.settings.find(setting);
  const std::string wanted = wanted_value(setting);
  if (present == to.state.settings.end() || present->second != wanted) {
    to.add(Action::kSet, setting, wanted, reason);
  }
}

/// Only what still is as mosb left it: what somebody has changed since is theirs.
void plan_restore(Planning& to, const std::string& setting) {
  const auto before = to.record.settings.find(setting);
  const auto present = to.state.settings.find(setting);
  if (before != to.record.settings.end() && present != to.state.settings.end() &&
      present->second == wanted_value(setting)) {
    to.add(Action::kRestore, setting, before->second, "its value from before");
  }
}

void plan_forwarding(Planning& to) {
  plan_set(to, kForward4, "services are reached through this host");
  const auto present = to.state.settings.find(kForward6);
  if (!has_ipv6(to.spec) || present == to.state.settings.end() || present->second == "1") {
    return;
  }
  for (const auto& [setting, value] : to.state.settings) {
    if (setting.ends_with(kAcceptRaEnd) && value == "1") {
      plan_set(to, setting, "a host that forwards would not listen to its routers any more");
    }
  }
  plan_set(to, kForward6, "services are reached through this host");
}

void plan_rules(Planning& to) {
  const char* reason = nullptr;
  if (to.state.rules.empty()) {
    reason = "they are not there";
  } else if (to.record.spec != Digest::of(ruleset(to.spec)).hex()) {
    reason = "other services or forwards are wanted";
  } else if (to.record.rules != to.state.rules) {
    reason = "somebody changed them";
  }
  if (reason != nullptr) {
    to.add(Action::kReplaceRules, table_name(to.spec.instance), "", reason);
  }
}

void plan_devices(Planning& to) {
  for (const DeviceFacts& device : to.state.devices) {
    if (to.is_running(device) && (!device.at_bridge || !device.up)) {
      to.add(Action::kAttachDevice,
             device.name,
             device.service,
             device.at_bridge ? "it is down" : "it is not at the bridge");
    }
  }
}

void plan_device_removals(Planning& to) {
  for (const DeviceFacts& device : to.state.devices) {
    if (!to.is_running(device)) {
      to.add(Action::kRemoveDevice,
             device.name,
             device.service,
             device.service.empty() ? "it was never finished"
                                    : "service " + quote(device.service) + " does not run");
    }
  }
}

/// What is left when nobody is to be served: the reverse of how it came.
void plan_removal(Planning& to) {
  const std::string route_localnet = route_localnet_of(to.spec.bridge.name);
  plan_restore(to, route_localnet);
  plan_restore(to, kForward6);
  plan_restore(to, kForward4);
  for (const auto& [setting, before] : to.record.settings) {
    if (setting.ends_with(kAcceptRaEnd)) {
      plan_restore(to, setting);
    }
  }
  if (!to.state.rules.empty() || !to.record.rules.empty()) {
    to.add(Action::kRemoveRules, table_name(to.spec.instance), "", "no service is left");
  }
  const auto going = static_cast<std::size_t>(
      std::count_if(to.state.devices.begin(), to.state.devices.end(), [&](const auto& device) {
        return device.at_bridge && !to.is_running(device);
      }));
  if (to.state.bridge && to.state.bridge->ours && to.state.bridge->ports <= going) {
    to.add(Action::kRemoveBridge, to.spec.bridge.name, "", "nothing is at it");
  }
}

}  // namespace

Result<std::vector<NetworkStep>> plan_network(const NetworkSpec& spec,
                                              const NetworkState& state,
                                              const NetworkRecord& record,
                                              const std::vector<std::string>& running) {
  MOSB_CHECK(check_names(spec));
  Planning plan{.spec = spec, .state = state, .record = record, .running = running, .steps = {}};
  plan_device_removals(plan);
  if (spec.services.empty()) {
    plan_removal(plan);
    return plan.steps;
  }
  MOSB_CHECK(plan_bridge(plan));
  const std::string route_localnet = route_localnet_of(spec.bridge.name);
  if (!forwards_ipv4(spec)) {
    plan_restore(plan, route_localnet);
  }
  // The rules before anything passes, and before 127.0.0.1 can be reached from another device.
  plan_rules(plan);
  plan_forwarding(plan);
  if (forwards_ipv4(spec)) {
    plan_set(plan, route_localnet, "forwards are also used at 127.0.0.1");
  }
  plan_devices(plan);
  return plan.steps;
}

std::string describe(const NetworkStep& step) {
  const auto what = [&]() -> std::string {
    switch (step.action) {
      case Action::kMakeBridge:
        return "make the bridge";
      case Action::kAddBridgeAddress:
        return "add " + step.value;
      case Action::kRaiseBridge:
        return "raise the bridge";
      case Action::kReplaceRules:
        return "replace the rules";
      case Action::kSet:
        return "set to " + step.value;
      case Action::kAttachDevice:
        return "attach the device of service " + quote(step.value);
      case Action::kRemoveDevice:
        return "remove the device";
      case Action::kRestore:
        return "set back to " + step.value;
      case Action::kRemoveRules:
        return "remove the rules";
      case Action::kRemoveBridge:
        return "remove the bridge";
    }
    return "nothing";
  };
  return what() + " (" + step.reason + ")";
}

}  // namespace mosb::net
