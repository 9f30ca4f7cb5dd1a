#include <algorithm>

#include "mosb/base/digest.h"
#include "mosb/base/text.h"
#include "mosb/net/names.h"
#include "mosb/net/network_plan.h"
#include "mosb/net/rules_digest.h"
#include "mosb/net/ruleset.h"

namespace mosb::net {

namespace {

using Action = NetworkStep::Action;

struct Execution {
  const NetworkSpec& spec;
  Netlink& netlink;
  Nft& nft;
  NetworkRecord& record;
};

Result<std::optional<Link>> find_link(const std::string& name, Netlink& netlink) {
  for (const Link& link : MOSB_TRY(netlink.links())) {
    if (link.name == name) {
      return std::optional<Link>(link);
    }
  }
  return std::optional<Link>();
}

Result<Link> require_link(const std::string& name, Netlink& netlink) {
  const auto link = MOSB_TRY(find_link(name, netlink));
  if (!link) {
    return Error(Errc::kNetSetup, "device " + quote(name) + " is gone");
  }
  return *link;
}

/// The first value from before is kept: a second run would find what mosb set.
Status set(const NetworkStep& step, Execution& in) {
  const auto before = MOSB_TRY(in.netlink.setting(step.object));
  if (!before && step.object.ends_with(kAcceptRaEnd)) {
    return ok();  // its device is gone
  }
  const auto [entry, is_new] = in.record.settings.try_emplace(step.object, before.value_or(""));
  const Status done = in.netlink.set(step.object, step.value);
  if (!done && is_new) {
    in.record.settings.erase(entry);
  }
  return done;
}

Status restore(const NetworkStep& step, Execution& in) {
  MOSB_CHECK(in.netlink.set(step.object, step.value));
  in.record.settings.erase(step.object);
  return ok();
}

Status make_bridge(const std::string& name, Execution& in) {
  MOSB_CHECK(in.netlink.make_bridge(name, bridge_tag(in.spec.instance)));
  // Nobody else has its addresses, and until it has made sure of that, a second or two after the
  // first service came, the host asks for no neighbour on behalf of others: nothing is forwarded.
  const std::string setting = device_setting("ipv6", name, "accept_dad");
  return MOSB_TRY(in.netlink.setting(setting)) ? in.netlink.set(setting, "0") : ok();
}

Status replace_rules(Execution& in) {
  const std::string text = ruleset(in.spec);
  MOSB_CHECK(in.nft.run(text));
  in.record.spec = Digest::of(text).hex();
  // Should it fail to be read, the next plan finds another digest and replaces them once more.
  in.record.rules = "unread";
  in.record.rules = MOSB_TRY(rules_digest(in.spec.instance, in.nft));
  return ok();
}

Status remove_rules(Execution& in) {
  MOSB_CHECK(in.nft.run(ruleset_removal(in.spec.instance)));
  in.record.spec.clear();
  in.record.rules.clear();
  return ok();
}

Status attach(const NetworkStep& step, Execution& in) {
  const Link bridge = MOSB_TRY(require_link(in.spec.bridge.name, in.netlink));
  const Link device = MOSB_TRY(require_link(step.object, in.netlink));
  if (device.master != bridge.index) {
    MOSB_CHECK(in.netlink.set_master(device.index, bridge.index));
  }
  MOSB_CHECK(in.netlink.set_bridge_port(device.index, true, false));
  return in.netlink.set_up(device.index);
}

/// Whatever has the name now is removed only if it is ours still.
Status remove_device(const NetworkStep& step, Execution& in) {
  const auto link = MOSB_TRY(find_link(step.object, in.netlink));
  const bool is_ours = link && (instance_of(link->alias) == in.spec.instance ||
                                is_pending_name(in.spec.instance, link->name));
  return is_ours ? in.netlink.remove(link->index) : ok();
}

Status do_step(const NetworkStep& step, Execution& in) {
  switch (step.action) {
    case Action::kMakeBridge:
      return make_bridge(step.object, in);
    case Action::kAddBridgeAddress:
      return in.netlink.add_address(MOSB_TRY(require_link(step.object, in.netlink)).index,
                                    MOSB_TRY(IpPrefix::parse(step.value)));
    case Action::kRaiseBridge:
      return in.netlink.set_up(MOSB_TRY(require_link(step.object, in.netlink)).index);
    case Action::kReplaceRules:
      return replace_rules(in);
    case Action::kSet:
      return set(step, in);
    case Action::kAttachDevice:
      return attach(step, in);
    case Action::kRestore:
      return restore(step, in);
    case Action::kRemoveRules:
      return remove_rules(in);
    case Action::kRemoveDevice:
    case Action::kRemoveBridge:
      return remove_device(step, in);
  }
  return Error(Errc::kInternal, "a step of no kind");
}

}  // namespace

Status execute(const std::vector<NetworkStep>& steps,
               const NetworkSpec& spec,
               Netlink& netlink,
               Nft& nft,
               NetworkRecord& record) {
  MOSB_CHECK(check_names(spec));
  Execution execution{.spec = spec, .netlink = netlink, .nft = nft, .record = record};
  for (const NetworkStep& step : steps) {
    MOSB_CHECK(do_step(step, execution).context(step.object));
  }
  if (spec.services.empty()) {
    // What somebody else has changed since is not restored, and theirs from now on.
    record = NetworkRecord();
  }
  return ok();
}

}  // namespace mosb::net
