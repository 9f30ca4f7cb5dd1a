#include "mosb/agent/doctor_network.h"

#include "mosb/agent/applied_state.h"
#include "mosb/agent/instance.h"
#include "mosb/agent/instance_network.h"
#include "mosb/base/process.h"
#include "mosb/base/text.h"
#include "mosb/net/foreign_firewall.h"
#include "mosb/net/legacy_firewall.h"

namespace mosb::agent {

namespace {

Capability rules(net::Nft& nft) {
  const auto listed = nft.list("list tables", false);
  if (!listed) {
    return {"nftables", CapabilityStatus::kMissing, listed.error().message()};
  }
  return {"nftables", CapabilityStatus::kOk, "in the kernel"};
}

Capability forwarding(net::Netlink& netlink) {
  const auto value = netlink.setting("net.ipv4.ip_forward");
  if (!value || !*value) {
    return {"forwarding", CapabilityStatus::kMissing, "net.ipv4.ip_forward cannot be read"};
  }
  return {"forwarding",
          CapabilityStatus::kOk,
          **value == "1" ? "net.ipv4.ip_forward is on"
                         : "net.ipv4.ip_forward is off; mosb puts it on while services need it"};
}

Capability firewall(const std::string& instance, const BridgeConfiguration& bridge, net::Nft& nft) {
  const auto drops = net::find_foreign_drops(instance, bridge.name, nft);
  if (!drops) {
    return {"other firewalls", CapabilityStatus::kDegraded, drops.error().message()};
  }
  RealProcessRunner programs;
  const auto legacy = net::look_at_legacy(bridge.name, programs);
  if (!legacy) {
    return {"other firewalls", CapabilityStatus::kDegraded, legacy.error().message()};
  }
  if (!legacy->dropping.empty()) {
    return {"other firewalls",
            CapabilityStatus::kDegraded,
            "chain FORWARD of " + join(legacy->dropping, ", ") + ": drops what services send"};
  }
  if (drops->empty() && !legacy->unknown.empty()) {
    return {"other firewalls",
            CapabilityStatus::kDegraded,
            "rules of " + join(legacy->unknown, ", ") + ", which is not installed: not known"};
  }
  if (drops->empty()) {
    return {"other firewalls", CapabilityStatus::kOk, "none drops what services send"};
  }
  std::vector<std::string> chains;
  for (const net::ForeignDrop& drop : *drops) {
    chains.push_back(drop.family + " " + drop.table + " " + drop.chain +
                     (drop.owner.empty() ? "" : " (" + drop.owner + ")"));
  }
  return {"other firewalls",
          bridge.adjust_firewall ? CapabilityStatus::kOk : CapabilityStatus::kDegraded,
          join(chains, ", ") + (bridge.adjust_firewall
                                    ? ": mosb lets what services send pass"
                                    : ": drops what services send; see bridge.adjust_firewall")};
}

/// What is not as the applied services want it.
Result<std::string> faults(const Paths& paths,
                           const InstanceNetwork& network,
                           const std::string& instance) {
  const AppliedState state = MOSB_TRY(load_applied_state(paths));
  const NetworkWish wish =
      MOSB_TRY(network_wish(instance, state, MOSB_TRY(read_addresses(paths)), host_resolv_conf()));
  const auto facts = MOSB_TRY(ServiceRuntime(paths, instance).observe_all());
  std::vector<std::string> words;
  for (const Step& step : MOSB_TRY(network.plan(wish, facts))) {
    words.push_back(step.object + ": " + step.reason);
  }
  return join(words, "; ");
}

Capability own_network(const Paths& paths, const std::string& instance) {
  const InstanceNetwork network(paths, instance);
  const auto wrong = faults(paths, network, instance);
  if (!wrong) {
    return {"services' network", CapabilityStatus::kDegraded, wrong.error().message()};
  }
  if (!wrong->empty()) {
    return {"services' network",
            CapabilityStatus::kDegraded,
            "not as applied: " + *wrong + "; `mosb apply --applied` mends it"};
  }
  const auto record = network.read_record();
  if (!record || !*record) {
    return {"services' network", CapabilityStatus::kOk, "none in use"};
  }
  std::vector<std::string> changed;
  for (const auto& [setting, before] : (*record)->settings) {
    changed.push_back(setting + " (" + before + ")");
  }
  return {"services' network",
          CapabilityStatus::kOk,
          "as applied" + (changed.empty() ? ""
                                          : "; to be put back when no service needs it: " +
                                                join(changed, ", "))};
}

}  // namespace

std::vector<Capability> examine_network(const Paths& paths, const BridgeConfiguration& bridge) {
  net::LibNft nft;
  net::LibNetlink netlink;
  std::vector<Capability> capabilities{rules(nft), forwarding(netlink)};
  const auto id = read_instance_id(paths);
  const std::string instance = id ? *id : "";
  if (capabilities.front().status == CapabilityStatus::kOk) {
    // Before the first apply there is no instance, nor a rule of one.
    constexpr const char* kNobody = "00000000";
    capabilities.push_back(firewall(instance.empty() ? kNobody : instance, bridge, nft));
  }
  if (!instance.empty()) {
    capabilities.push_back(own_network(paths, instance));
  }
  return capabilities;
}

}  // namespace mosb::agent
