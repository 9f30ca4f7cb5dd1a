#include "mosb/agent/network_mending.h"

#include "mosb/agent/addresses.h"
#include "mosb/agent/instance_network.h"
#include "mosb/agent/network_wish.h"

namespace mosb::agent {

Result<ApplyReport> mend_network(const Instance& instance, const Configuration& configuration) {
  const Paths& paths = instance.paths();
  const InstanceNetwork network(paths, instance.id());
  ApplyReport report;
  if (!MOSB_TRY(network.read_record())) {
    return report;
  }
  const AppliedState state = MOSB_TRY(load_applied_state(paths));
  NetworkWish wish = MOSB_TRY(
      network_wish(instance.id(), state, MOSB_TRY(read_addresses(paths)), host_resolv_conf()));
  wish.adjust_firewall = configuration.bridge.adjust_firewall;
  const auto facts = MOSB_TRY(ServiceRuntime(paths, instance.id()).observe_all());
  report.steps = MOSB_TRY(network.plan(wish, facts));
  MOSB_CHECK(network.bring(wish, facts));
  MOSB_CHECK(network.check_firewalls(wish));
  return report;
}

Status settle_network(const Instance& instance,
                      const AppliedState& state,
                      const ServiceRuntime& runtime) {
  const Addresses addresses = MOSB_TRY(read_addresses(instance.paths()));
  const NetworkWish wish =
      MOSB_TRY(network_wish(instance.id(), state, addresses, host_resolv_conf()));
  return InstanceNetwork(instance.paths(), instance.id())
      .bring(wish, MOSB_TRY(runtime.observe_all()));
}

}  // namespace mosb::agent
