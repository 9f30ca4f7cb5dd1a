#include "mosb/agent/running_recheck.h"

#include <map>
#include <optional>
#include <utility>

#include "mosb/agent/applied_state.h"
#include "mosb/agent/network_mending.h"
#include "mosb/agent/open_store.h"
#include "mosb/agent/recheck.h"
#include "mosb/agent/service_runtime.h"
#include "mosb/agent/standing.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/trust/remembering_web.h"
#include "mosb/trust/revocation.h"
#include "mosb/trust/verify.h"

namespace mosb::agent {

namespace {

/// Judges images by answers that stay the same: services that one chain signed ask once, and a
/// silent server is waited for once.
class Judge {
 public:
  explicit Judge(const TrustContext& trust) : trust_(trust) {
    if (trust.revocation != nullptr) {
      sources_ = *trust.revocation;
    }
    if (sources_ && sources_->web != nullptr) {
      sources_->web = &web_.emplace(*sources_->web);
    }
  }
  Standing standing_of(const ServiceImage& image, oci::Store& store) const {
    const TrustContext trust{
        trust_.notation_config_dir, trust_.clock, sources_ ? &*sources_ : nullptr};
    return agent::standing_of(image, store, trust);
  }

 private:
  const TrustContext& trust_;
  std::optional<trust::RememberingWeb> web_;
  std::optional<trust::RevocationSources> sources_;
};

bool is_running(const ServiceFacts& facts) {
  return facts.running() || facts.container.state == lxc::RunState::kStarting ||
         !facts.mounts.empty();
}

/// The stop that a refusal asks for may not have come to its end. Only an acceptance takes it back.
bool was_refused(const AppliedService& service) {
  return service.finding && service.finding->kind == RecheckFinding::Kind::kRefused;
}

/// A reason that is known already keeps the time at which it was found.
void note(AppliedService& service, RecheckFinding::Kind kind, const Error& why, SystemTime now) {
  const bool known =
      service.finding && service.finding->kind == kind && service.finding->reason == why.message();
  if (!known) {
    service.finding = RecheckFinding{kind, why.message(), now};
  }
}

void judge(const std::string& name,
           AppliedService& service,
           const Standing& standing,
           SystemTime now,
           RecheckReport& report) {
  if (standing.accepted) {
    service.finding.reset();
    service.image = remembered(service.image, *standing.accepted);
    return;
  }
  Error why = *standing.reason;
  if (!standing.is_final && was_refused(service)) {
    why = Error(Errc::kSignature, service.finding->reason);
  }
  if (standing.is_final || was_refused(service)) {
    note(service, RecheckFinding::Kind::kRefused, why, now);
    report.refused.push_back({name, why});
    report.steps.push_back({"stop", name, "its image counts no more: " + why.message()});
  } else {
    note(service, RecheckFinding::Kind::kUndetermined, why, now);
    report.undetermined.push_back({name, why});
  }
}

/// Notes in the state what was found about each service that runs.
Result<RecheckReport> judge_running(AppliedState& state,
                                    oci::Store& store,
                                    const std::map<std::string, ServiceFacts>& facts,
                                    const ApplyContext& context) {
  MOSB_CHECK(trust::check_clock(context.trust.clock));
  const Judge judging(context.trust);
  RecheckReport report;
  for (auto& [name, service] : state.services) {
    const auto fact = facts.find(name);
    if (fact != facts.end() && is_running(fact->second) && !service.image.insecure) {
      judge(name,
            service,
            judging.standing_of(service.image, store),
            context.trust.clock.now(),
            report);
    }
  }
  return report;
}

std::vector<std::string> services_of(const std::vector<RecheckReport::Doubt>& doubts) {
  std::vector<std::string> names;
  for (const RecheckReport::Doubt& doubt : doubts) {
    names.push_back(doubt.service);
  }
  return names;
}

}  // namespace

Result<RecheckReport> recheck_running(const Instance& instance, const ApplyContext& context) {
  if (context.configuration.recheck != Recheck::kDaily) {
    return RecheckReport();
  }
  const Paths& paths = instance.paths();
  AppliedState state = MOSB_TRY(load_applied_state(paths));
  oci::Store store = MOSB_TRY(open_store(instance));
  const ServiceRuntime runtime(paths, instance.id());
  RecheckReport report =
      MOSB_TRY(judge_running(state, store, MOSB_TRY(runtime.observe_all()), context));
  // Recorded first: after a crash in between nothing starts again without being judged.
  MOSB_CHECK(save_applied_state(paths, state));
  if (!report.refused.empty()) {
    const Status stopped = runtime.stop_all(services_of(report.refused));
    const Status settled = settle_network(instance, state, runtime);
    const Status collected = runtime.collect_garbage();
    const Status& done = !stopped ? stopped : !settled ? settled : collected;
    if (!done) {
      // Whoever reads why it could not be stopped wants to know why it should.
      for (const RecheckReport::Doubt& doubt : report.refused) {
        log::warn("service " + quote(doubt.service) +
                  ": its image counts no more: " + doubt.reason.message());
      }
      return done.error();
    }
  }
  return report;
}

Result<RecheckReport> plan_recheck(const Paths& paths, const ApplyContext& context) {
  AppliedState state = MOSB_TRY(load_applied_state(paths));
  if (context.configuration.recheck != Recheck::kDaily || state.services.empty()) {
    return RecheckReport();
  }
  oci::Store store = MOSB_TRY(oci::Store::open(paths.store()));
  const ServiceRuntime runtime(paths, MOSB_TRY(read_instance_id(paths)));
  return judge_running(state, store, MOSB_TRY(runtime.observe_all()), context);
}

}  // namespace mosb::agent
