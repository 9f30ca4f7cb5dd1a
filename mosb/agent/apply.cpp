#include "mosb/agent/apply.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "mosb/agent/applied_state.h"
#include "mosb/agent/desired.h"
#include "mosb/agent/layer_damage.h"
#include "mosb/agent/layer_sources.h"
#include "mosb/agent/network_change.h"
#include "mosb/agent/network_mending.h"
#include "mosb/agent/open_store.h"
#include "mosb/agent/recheck.h"
#include "mosb/agent/reconcile.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/switch_over.h"
#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/text.h"
#include "mosb/oci/scratch.h"

namespace mosb::agent {

namespace {

DesiredRequest desired_request(const Paths& paths,
                               const std::string& instance,
                               const ApplyContext& context,
                               bool skip_signature) {
  return {paths, instance, context.configuration, context.trust, skip_signature};
}

Result<std::vector<AdmittedTarget>> admit_all(const manifest::Manifest& manifest,
                                              oci::Store& store,
                                              const DesiredRequest& request) {
  std::vector<AdmittedTarget> admitted;
  for (const manifest::Target& target : manifest.targets) {
    admitted.push_back(MOSB_TRY(admit_target(manifest, target, store, request)));
  }
  return admitted;
}

Result<std::vector<DesiredService>> desire_all(std::vector<AdmittedTarget> targets,
                                               const Reservations& reserved,
                                               const oci::Store& store,
                                               const DesiredRequest& request) {
  std::vector<DesiredService> desired;
  for (AdmittedTarget& target : targets) {
    desired.push_back(MOSB_TRY(desire(std::move(target), reserved, store, request)));
  }
  return desired;
}

void introduce_all(const NetworkChange& network, std::vector<DesiredService>& desired) {
  for (DesiredService& service : desired) {
    network.introduce(service);
  }
}

/// Network first: that is the order in which they are done.
Result<std::vector<Step>> all_steps(const NetworkChange& network,
                                    const SwitchOver& change,
                                    const std::vector<std::string>& removed) {
  std::vector<Step> steps = MOSB_TRY(network.plan(change.facts()));
  for (Step& step : change.steps(removed)) {
    steps.push_back(std::move(step));
  }
  return steps;
}

/// Services that a complete manifest leaves out, and leftovers of which nobody knows.
std::vector<std::string> to_remove(const manifest::Manifest& manifest,
                                   const AppliedState& state,
                                   const std::map<std::string, ServiceFacts>& facts) {
  const auto listed = [&](const std::string& name) {
    return std::any_of(manifest.targets.begin(), manifest.targets.end(), [&](const auto& target) {
      return target.service_name == name;
    });
  };
  const bool complete = manifest.update_type == manifest::UpdateType::kComplete;
  std::vector<std::string> names;
  for (const auto& [name, service] : state.services) {
    if (complete && !listed(name)) {
      names.push_back(name);
    }
  }
  for (const auto& [name, fact] : facts) {
    if (!state.services.contains(name) && !listed(name)) {
      names.push_back(name);
    }
  }
  return names;
}

/// What of the state is not in the hands of this manifest.
AppliedState staying(AppliedState state, const manifest::Manifest& manifest) {
  if (manifest.update_type == manifest::UpdateType::kComplete) {
    state.services.clear();
  }
  for (const manifest::Target& target : manifest.targets) {
    state.services.erase(target.service_name);
  }
  return state;
}

/// The state once everything is done.
AppliedState state_after(AppliedState state,
                         const manifest::Manifest& manifest,
                         const TrustContext& trust,
                         const std::vector<DesiredService>& desired,
                         const std::vector<std::string>& removed) {
  state.product = manifest.product;
  if (!trust.notation_config_dir.empty()) {
    state.notation_config = std::filesystem::absolute(trust.notation_config_dir);
  }
  for (const std::string& name : removed) {
    state.services.erase(name);
  }
  for (const DesiredService& service : desired) {
    AppliedService applied = service.applied;
    if (const auto before = state.services.find(service.name()); before != state.services.end()) {
      applied.image = remembered(before->second.image, applied.image);
    }
    state.services.insert_or_assign(service.name(), std::move(applied));
  }
  return state;
}

Error no_service(const std::string& name) {
  return Error(Errc::kNotFound, "there is no service " + quote(name))
      .with_hint("`mosb ps` lists the services");
}

/// For the metadata that a plan looks at: in the run directory if there is one.
Result<oci::Scratch> plan_dir(const Paths& paths) {
  auto in_run = oci::Scratch::make(paths.run());
  return in_run ? std::move(in_run) : oci::Scratch::make(MOSB_TRY(oci::private_temp_dir()));
}

}  // namespace

Result<ApplyReport> apply_manifest(const Instance& instance,
                                   const manifest::Manifest& manifest,
                                   const ApplyContext& context,
                                   const ApplyOptions& options) {
  const Paths& paths = instance.paths();
  const AppliedState state = MOSB_TRY(load_applied_state(paths));
  oci::Store store = MOSB_TRY(open_store(instance));
  const DesiredRequest request =
      desired_request(paths, instance.id(), context, options.skip_signature);
  std::vector<AdmittedTarget> targets = MOSB_TRY(admit_all(manifest, store, request));
  const Addresses addresses_before = MOSB_TRY(read_addresses(paths));
  const Reservations reserved{
      MOSB_TRY(reserve_uid_ranges(paths, instance.id(), uid_groups(targets))),
      MOSB_TRY(MOSB_TRY(reserve_addresses(paths,
                                          instance.id(),
                                          context.configuration.bridge,
                                          staying(state, manifest),
                                          manifest.targets))
                   .all())};
  std::vector<DesiredService> desired =
      MOSB_TRY(desire_all(std::move(targets), reserved, store, request));
  const ServiceRuntime runtime(
      paths, instance.id(), context.configuration.verifier, context.configuration.layers);
  MOSB_CHECK(runtime.collect_garbage());
  SwitchOver change(runtime, store, options);
  MOSB_CHECK(change.look(desired, paths));
  const std::vector<std::string> removed = to_remove(manifest, state, change.facts());
  const AppliedState after = state_after(state, manifest, context.trust, desired, removed);
  const NetworkChange network = MOSB_TRY(
      NetworkChange::make(request, {state, addresses_before}, {after, reserved.addresses}));
  introduce_all(network, desired);
  const auto previous = [&](const std::string& name) -> Result<std::optional<DesiredService>> {
    const auto it = state.services.find(name);
    if (it == state.services.end()) {
      return std::optional<DesiredService>();
    }
    AdmittedTarget old = MOSB_TRY(readmit_service(it->second, store, request));
    DesiredService service = MOSB_TRY(desire(
        std::move(old), {MOSB_TRY(read_uid_ranges(paths)), addresses_before}, store, request));
    network.introduce_before(service);
    return std::optional(std::move(service));
  };
  ApplyReport report{MOSB_TRY(all_steps(network, change, removed)), warnings_for(desired)};
  MOSB_CHECK(change.prepare());
  const Status executed = change.execute(removed, network.as_switch(change.facts()), previous);
  // With keep_going what did not start counts as applied, too: the next apply starts it.
  if (executed || options.keep_going) {
    MOSB_CHECK(save_addresses(paths, reserved.addresses));
    MOSB_CHECK(save_applied_state(paths, after));
  }
  MOSB_CHECK(executed);
  report.scanned = runtime.scanned();
  return report;
}

Result<ApplyReport> plan_manifest(const Paths& paths,
                                  const manifest::Manifest& manifest,
                                  const ApplyContext& context,
                                  const ApplyOptions& options) {
  const AppliedState state = MOSB_TRY(load_applied_state(paths));
  const std::string instance = MOSB_TRY(read_instance_id(paths));
  const oci::Scratch temp = MOSB_TRY(plan_dir(paths));
  oci::Store metadata = MOSB_TRY(oci::Store::open_or_create(temp.path() + "/store"));
  const DesiredRequest request = desired_request(paths, instance, context, options.skip_signature);
  std::vector<AdmittedTarget> targets = MOSB_TRY(admit_all(manifest, metadata, request));
  const Reservations reserved{MOSB_TRY(plan_uid_ranges(paths, uid_groups(targets))),
                              MOSB_TRY(MOSB_TRY(reserve_addresses(paths,
                                                                  instance,
                                                                  context.configuration.bridge,
                                                                  staying(state, manifest),
                                                                  manifest.targets))
                                           .all())};
  // Layers are looked for where an apply would have them.
  std::optional<oci::Store> store;
  if (oci::Store::exists(paths.store())) {
    store = MOSB_TRY(oci::Store::open(paths.store()));
  }
  oci::Store& layers = store ? *store : metadata;
  const std::vector<DesiredService> desired =
      MOSB_TRY(desire_all(std::move(targets), reserved, layers, request));
  const ServiceRuntime runtime(
      paths, instance, context.configuration.verifier, context.configuration.layers);
  SwitchOver change(runtime, layers, options);
  MOSB_CHECK(change.look(desired, paths));
  const std::vector<std::string> removed = to_remove(manifest, state, change.facts());
  const AppliedState after = state_after(state, manifest, context.trust, desired, removed);
  const NetworkChange network = MOSB_TRY(NetworkChange::make(
      request, {state, MOSB_TRY(read_addresses(paths))}, {after, reserved.addresses}));
  return ApplyReport{MOSB_TRY(all_steps(network, change, removed)), warnings_for(desired)};
}

namespace {

/// An applied service whose image was judged again, to be started.
struct ReadmittedService {
  AppliedState state;
  oci::Store store;
  AdmittedTarget target;
};

Result<ReadmittedService> readmit_for_start(const Instance& instance,
                                            const std::string& name,
                                            const ApplyContext& context) {
  const Paths& paths = instance.paths();
  AppliedState state = MOSB_TRY(load_applied_state(paths));
  const auto it = state.services.find(name);
  if (it == state.services.end()) {
    return no_service(name);
  }
  oci::Store store = MOSB_TRY(open_store(instance));
  AdmittedTarget target = MOSB_TRY(
      readmit_service(it->second, store, desired_request(paths, instance.id(), context, false)));
  return ReadmittedService{std::move(state), std::move(store), std::move(target)};
}

/// Refuses what a start would refuse without mounting anything.
Status check_layers(const Instance& instance,
                    const ReadmittedService& service,
                    const LayerPolicy& policy) {
  const AdmittedImage& image = service.target.image;
  const std::string what = "service " + quote(service.target.target().service_name) + ": ";
  const char* const hint = "apply the manifest again to fetch it anew";
  const oci::PullPlan pull = oci::plan_pull(*image.manifest, service.store);
  if (!pull.missing.empty()) {
    return Error(Errc::kContent, what + layer_fault(pull.missing.front(), service.store))
        .with_hint(hint);
  }
  const auto layers = MOSB_TRY(layer_sources(image.manifest, service.store));
  const auto damaged =
      damaged_layers(instance.paths(),
                     *image.manifest,
                     layers,
                     MOSB_TRY(ServiceRuntime(instance.paths(), instance.id()).observe_all()),
                     service.store);
  if (!damaged.empty()) {
    return Error(Errc::kVerity,
                 what + "layer " + damaged.front().digest.str() + " was found damaged before")
        .with_hint(hint);
  }
  return LayerScans(instance.paths(), policy)
      .admit(layers)
      .context(what.substr(0, what.size() - 2));
}

Result<ApplyReport> start(const Instance& instance,
                          ReadmittedService service,
                          const ApplyContext& context,
                          const ApplyOptions& options) {
  const Paths& paths = instance.paths();
  const DesiredRequest request = desired_request(paths, instance.id(), context, false);
  std::vector<AdmittedTarget> targets;
  targets.push_back(std::move(service.target));
  const manifest::Target target = targets.front().target();
  AppliedState after = service.state;
  AppliedService& applied = after.services.at(target.service_name);
  applied.stopped = false;
  remember_accepted(applied, targets.front().image.image);
  AppliedState others = service.state;
  others.services.erase(target.service_name);
  const Reservations reserved{
      MOSB_TRY(reserve_uid_ranges(paths, instance.id(), uid_groups(targets))),
      MOSB_TRY(MOSB_TRY(reserve_addresses(
                            paths, instance.id(), context.configuration.bridge, others, {target}))
                   .all())};
  std::vector<DesiredService> desired =
      MOSB_TRY(desire_all(std::move(targets), reserved, service.store, request));
  const ServiceRuntime runtime(
      paths, instance.id(), context.configuration.verifier, context.configuration.layers);
  MOSB_CHECK(runtime.collect_garbage());
  SwitchOver change(runtime, service.store, options);
  MOSB_CHECK(change.look(desired, paths));
  const NetworkChange network = MOSB_TRY(NetworkChange::make(
      request, {service.state, reserved.addresses}, {after, reserved.addresses}));
  introduce_all(network, desired);
  ApplyReport report{MOSB_TRY(all_steps(network, change, {})), warnings_for(desired)};
  MOSB_CHECK(change.prepare());
  const auto nothing_before = [](const std::string&) -> Result<std::optional<DesiredService>> {
    return std::optional<DesiredService>();
  };
  MOSB_CHECK(change.execute({}, network.as_switch(change.facts()), nothing_before));
  MOSB_CHECK(save_addresses(paths, reserved.addresses));
  MOSB_CHECK(save_applied_state(paths, after));
  report.scanned = runtime.scanned();
  return report;
}

}  // namespace

Result<ApplyReport> start_service(const Instance& instance,
                                  const std::string& name,
                                  const ApplyContext& context,
                                  const ApplyOptions& options) {
  return start(instance, MOSB_TRY(readmit_for_start(instance, name, context)), context, options);
}

Result<ApplyReport> restart_service(const Instance& instance,
                                    const std::string& name,
                                    const ApplyContext& context,
                                    const ApplyOptions& options) {
  ReadmittedService service = MOSB_TRY(readmit_for_start(instance, name, context));
  MOSB_CHECK(check_layers(instance, service, context.configuration.layers));
  MOSB_CHECK(stop_service(instance, name));
  return start(instance, std::move(service), context, options);
}

Result<DesiredService> describe_service(const Paths& paths, const std::string& name) {
  const AppliedState state = MOSB_TRY(load_applied_state(paths));
  const auto it = state.services.find(name);
  if (it == state.services.end()) {
    return no_service(name);
  }
  oci::Store store = MOSB_TRY(oci::Store::open(paths.store()));
  AppliedService service = it->second;
  // Nothing is started from this value, so a policy that changed meanwhile does not matter.
  service.image.insecure = true;
  const RealClock clock;
  const TrustContext trust{"", clock};
  const std::string instance = MOSB_TRY(read_instance_id(paths));
  Configuration permissive;
  permissive.allow_host_ids = true;
  const DesiredRequest request{paths, instance, permissive, trust, true};
  return desire(MOSB_TRY(readmit_service(service, store, request)),
                {MOSB_TRY(read_uid_ranges(paths)), MOSB_TRY(read_addresses(paths))},
                store,
                request);
}

Status stop_service(const Instance& instance, const std::string& name) {
  AppliedState state = MOSB_TRY(load_applied_state(instance.paths()));
  const auto it = state.services.find(name);
  if (it == state.services.end()) {
    return no_service(name);
  }
  // Recorded first: a crash in between must not bring it back at the next boot.
  it->second.stopped = true;
  MOSB_CHECK(save_applied_state(instance.paths(), state));
  const ServiceRuntime runtime(instance.paths(), instance.id());
  MOSB_CHECK(runtime.stop(name));
  MOSB_CHECK(settle_network(instance, state, runtime));
  // A stop that was killed between two unmounts left no image to find its layers by.
  return runtime.collect_garbage();
}

Result<ApplyReport> take_down(const Instance& instance, bool remove_volumes) {
  const Paths& paths = instance.paths();
  const ServiceRuntime runtime(paths, instance.id());
  ApplyReport report;
  MOSB_CHECK(save_applied_state(paths, AppliedState()));
  std::vector<std::string> names;
  for (const auto& [name, facts] : MOSB_TRY(runtime.observe_all())) {
    report.steps.push_back({"remove", name, "taken down"});
    names.push_back(name);
  }
  MOSB_CHECK(runtime.stop_all(names));
  MOSB_CHECK(settle_network(instance, AppliedState(), runtime));
  MOSB_CHECK(runtime.collect_garbage());
  if (remove_volumes) {
    report.steps.push_back({"volume", paths.volumes(), "removed"});
    MOSB_CHECK(remove_tree(paths.volumes()).as(Errc::kVolume));
  }
  // Files of volumes belong to ids of these ranges.
  const auto volumes = list_dir(paths.volumes());
  if (volumes ? volumes->empty() : volumes.error().code() == Errc::kNotFound) {
    MOSB_CHECK(release_uid_ranges(paths, instance.id()));
  }
  return report;
}

}  // namespace mosb::agent
