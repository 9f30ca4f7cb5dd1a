#include "mosb/agent/network_change.h"

#include <utility>

namespace mosb::agent {

namespace {

void introduce_to(const NetworkWish& wish, DesiredService& service) {
  const auto files = wish.files.find(service.name());
  if (service.spec.network && files != wish.files.end()) {
    service.spec.network->files = files->second;
  }
}

}  // namespace

Result<NetworkChange> NetworkChange::make(const DesiredRequest& request,
                                          const AppliedNetwork& before,
                                          const AppliedNetwork& after) {
  NetworkChange change(request.paths, request.instance);
  const std::string resolver = host_resolv_conf();
  change.before_ =
      MOSB_TRY(network_wish(request.instance, before.state, before.addresses, resolver));
  change.after_ = MOSB_TRY(network_wish(request.instance, after.state, after.addresses, resolver));
  for (NetworkWish* wish : {&change.before_, &change.after_}) {
    wish->adjust_firewall = request.configuration.bridge.adjust_firewall;
  }
  return change;
}

void NetworkChange::introduce(DesiredService& service) const {
  introduce_to(after_, service);
}

void NetworkChange::introduce_before(DesiredService& service) const {
  introduce_to(before_, service);
}

Result<std::vector<Step>> NetworkChange::plan(
    const std::map<std::string, ServiceFacts>& facts) const {
  MOSB_CHECK(network_.check(before_, after_, facts));
  return network_.plan(after_, facts);
}

Status NetworkChange::check_ports(const std::string& service,
                                  const std::map<std::string, ServiceFacts>& facts) const {
  for (const net::ServicePort& port : after_.spec.services) {
    if (port.service == service) {
      return network_.check_ports(before_, port, facts);
    }
  }
  return ok();
}

NetworkSwitch NetworkChange::as_switch(const std::map<std::string, ServiceFacts>& facts) const {
  return {[this, &facts] { return network_.bring(after_, facts); },
          [this](const std::map<std::string, ServiceFacts>& now) {
            return network_.bring(before_, now);
          }};
}

}  // namespace mosb::agent
