#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mosb/agent/applied_state.h"
#include "mosb/agent/apply.h"
#include "mosb/agent/desired.h"
#include "mosb/agent/network_change.h"
#include "mosb/agent/open_store.h"
#include "mosb/agent/recheck.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/switch_over.h"
#include "mosb/base/log.h"

namespace mosb::agent {

namespace {

/// The first failure of several services is the outcome; the others are said at once.
class FirstFailure {
 public:
  bool keep(const Status& status) {
    if (!status && first_) {
      first_ = status;
    } else if (!status) {
      log::warn(status.error().message());
    }
    return status.has_value();
  }
  const Status& status() const { return first_; }

 private:
  Status first_ = ok();
};

/// The services that were applied and are not held down, less those whose image is refused now. Of
/// the others the state remembers that they were judged.
std::vector<AdmittedTarget> readmit_applied(AppliedState& state,
                                            oci::Store& store,
                                            const DesiredRequest& request,
                                            FirstFailure& failure) {
  std::vector<AdmittedTarget> targets;
  for (auto& [name, service] : state.services) {
    if (service.stopped) {
      continue;
    }
    auto target = readmit_service(service, store, request);
    if (target) {
      remember_accepted(service, target->image.image);
      targets.push_back(*std::move(target));
    } else {
      (void)failure.keep(target.error());
    }
  }
  return targets;
}

std::vector<manifest::Target> applied_targets(const AppliedState& state) {
  std::vector<manifest::Target> targets;
  for (const auto& [name, service] : state.services) {
    targets.push_back(service.target());
  }
  return targets;
}

/// What runs and was not applied, or is to be down.
std::vector<std::string> not_applied(const AppliedState& state,
                                     const std::map<std::string, ServiceFacts>& facts) {
  std::vector<std::string> names;
  for (const auto& [name, fact] : facts) {
    const auto it = state.services.find(name);
    if (it == state.services.end() || it->second.is_down()) {
      names.push_back(name);
    }
  }
  return names;
}

Result<std::optional<DesiredService>> nothing_before(const std::string& /*name*/) {
  return std::optional<DesiredService>();
}

/// The network was seen to before, for all services at once.
NetworkSwitch nothing_to_do() {
  return {[] { return ok(); }, [](const auto& /*facts*/) { return ok(); }};
}

void add(ApplyReport& to, const ApplyReport& more) {
  to.steps.insert(to.steps.end(), more.steps.begin(), more.steps.end());
  to.warnings.insert(to.warnings.end(), more.warnings.begin(), more.warnings.end());
}

Status bring_network(const NetworkChange& network,
                     const std::map<std::string, ServiceFacts>& facts,
                     ApplyReport& report) {
  add(report, {MOSB_TRY(network.plan(facts)), {}});
  return network.as_switch(facts).forward();
}

/// Without the services whose ports of the host a process took meanwhile, or whose address somebody
/// at the bridge: they alone stay down.
AppliedState without_taken(const NetworkChange& network,
                           const std::map<std::string, Error>& refused,
                           const std::map<std::string, ServiceFacts>& facts,
                           AppliedState state,
                           FirstFailure& failure) {
  for (auto& [name, service] : state.services) {
    if (!service.is_down()) {
      const auto address = refused.find(name);
      service.stopped = !failure.keep(address == refused.end() ? network.check_ports(name, facts)
                                                               : Status(address->second));
    }
  }
  return state;
}

/// One applied service by itself: nothing that happens to it keeps another one down.
class AppliedChange {
 public:
  AppliedChange(const ServiceRuntime& runtime, oci::Store& store, const ApplyOptions& options)
      : change_(runtime, store, options) {}
  Status plan(AdmittedTarget target,
              const Reservations& reserved,
              const NetworkChange& network,
              const oci::Store& store,
              const DesiredRequest& request,
              ApplyReport& report) {
    desired_.push_back(MOSB_TRY(desire(std::move(target), reserved, store, request)));
    network.introduce(desired_.front());
    MOSB_CHECK(change_.look(desired_, request.paths));
    add(report, {change_.steps({}), warnings_for(desired_)});
    return ok();
  }
  Status execute() {
    MOSB_CHECK(change_.prepare());
    return change_.execute({}, nothing_to_do(), nothing_before);
  }

 private:
  std::vector<DesiredService> desired_;
  SwitchOver change_;
};

}  // namespace

Result<ApplyReport> apply_applied(const Instance& instance,
                                  const ApplyContext& context,
                                  const ApplyOptions& options) {
  const Paths& paths = instance.paths();
  AppliedState state = MOSB_TRY(load_applied_state(paths));
  oci::Store store = MOSB_TRY(open_store(instance));
  const DesiredRequest request{paths, instance.id(), context.configuration, context.trust};
  const ServiceRuntime runtime(
      paths, instance.id(), context.configuration.verifier, context.configuration.layers);
  MOSB_CHECK(runtime.collect_garbage());
  FirstFailure failure;
  std::vector<AdmittedTarget> targets = readmit_applied(state, store, request, failure);
  const std::map<std::string, ServiceFacts> facts = MOSB_TRY(runtime.observe_all());
  const std::vector<std::string> unknown = not_applied(state, facts);
  SwitchOver removal(runtime, store, options);
  ApplyReport report{removal.steps(unknown), {}};
  MOSB_CHECK(removal.execute(unknown, nothing_to_do(), nothing_before));
  auto addresses = reserve_addresses(
      paths, instance.id(), context.configuration.bridge, {}, applied_targets(state));
  const bool have_addresses = failure.keep(addresses ? ok() : Status(addresses.error()));
  const auto refused =
      have_addresses ? std::move(addresses->refused) : std::map<std::string, Error>();
  const Reservations reserved{
      MOSB_TRY(reserve_uid_ranges(paths, instance.id(), uid_groups(targets))),
      have_addresses ? std::move(addresses->addresses) : MOSB_TRY(read_addresses(paths))};
  const AppliedNetwork applied{state, reserved.addresses};
  const AppliedState reachable = without_taken(
      MOSB_TRY(NetworkChange::make(request, applied, applied)), refused, facts, state, failure);
  const NetworkChange network =
      MOSB_TRY(NetworkChange::make(request, applied, {reachable, reserved.addresses}));
  // A network that cannot be had keeps only those down that need it.
  const bool connected = have_addresses && failure.keep(bring_network(network, facts, report));
  (void)failure.keep(save_addresses(paths, reserved.addresses));
  for (AdmittedTarget& target : targets) {
    const std::string& name = target.target().service_name;
    if (is_connected(target.target()) && (!connected || reachable.services.at(name).stopped)) {
      continue;
    }
    AppliedChange change(runtime, store, options);
    if (failure.keep(change.plan(std::move(target), reserved, network, store, request, report))) {
      (void)failure.keep(change.execute());
    }
  }
  // Last: a full disk keeps no service down.
  (void)failure.keep(save_applied_state(paths, state));
  MOSB_CHECK(failure.status());
  report.scanned = runtime.scanned();
  return report;
}

Result<ApplyReport> plan_applied(const Paths& paths,
                                 const ApplyContext& context,
                                 const ApplyOptions& options) {
  AppliedState state = MOSB_TRY(load_applied_state(paths));
  if (state.services.empty()) {
    return ApplyReport();
  }
  const std::string instance = MOSB_TRY(read_instance_id(paths));
  oci::Store store = MOSB_TRY(oci::Store::open(paths.store()));
  const DesiredRequest request{paths, instance, context.configuration, context.trust};
  const ServiceRuntime runtime(
      paths, instance, context.configuration.verifier, context.configuration.layers);
  FirstFailure failure;
  std::vector<AdmittedTarget> targets = readmit_applied(state, store, request, failure);
  const Reservations reserved{
      MOSB_TRY(plan_uid_ranges(paths, uid_groups(targets))),
      MOSB_TRY(
          MOSB_TRY(reserve_addresses(
                       paths, instance, context.configuration.bridge, {}, applied_targets(state)))
              .all())};
  const NetworkChange network = MOSB_TRY(
      NetworkChange::make(request, {state, reserved.addresses}, {state, reserved.addresses}));
  ApplyReport report{MOSB_TRY(network.plan(MOSB_TRY(runtime.observe_all()))), {}};
  for (AdmittedTarget& target : targets) {
    AppliedChange change(runtime, store, options);
    (void)failure.keep(change.plan(std::move(target), reserved, network, store, request, report));
  }
  MOSB_CHECK(failure.status());
  const SwitchOver removal(runtime, store, options);
  add(report, {removal.steps(not_applied(state, MOSB_TRY(runtime.observe_all()))), {}});
  return report;
}

}  // namespace mosb::agent
