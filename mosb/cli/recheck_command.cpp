#include "mosb/cli/recheck_command.h"

#include <algorithm>
#include <string>
#include <vector>

#include "mosb/agent/instance.h"
#include "mosb/agent/running_recheck.h"
#include "mosb/base/log.h"
#include "mosb/base/text.h"
#include "mosb/cli/error_view.h"

namespace mosb::cli {

namespace {

using Doubt = agent::RecheckReport::Doubt;

Error stopped(const Doubt& doubt, bool dry_run) {
  return Error(Errc::kPolicy,
               "service " + quote(doubt.service) + (dry_run ? " would be" : " was") +
                   " stopped: its image counts no more: " + doubt.reason.message())
      .with_hint(
          "apply a manifest with an image whose signature counts; once this one counts "
          "again, `mosb start " +
          doubt.service + "` starts it");
}

Error undetermined(const Doubt& doubt) {
  const Error error(doubt.reason.code(),
                    "service " + quote(doubt.service) +
                        " runs on; whether its image still counts could not be found out: " +
                        doubt.reason.message());
  if (doubt.reason.code() == Errc::kSignature) {
    return Error(error).with_hint(
        "see that the servers which its certificates name can be reached, then: mosb apply "
        "--applied --recheck");
  }
  return Error(error).with_hint(doubt.reason.hint());
}

/// A server that is away may be there again in a while. mosb-recheck.service goes by it.
bool may_pass(const Error& error) {
  return error.code() == Errc::kNetwork || error.code() == Errc::kSignature;
}

/// What is said of each service, the one that decides the status first: what is worth asking again,
/// since a run after it finds nothing new about services that were stopped.
std::vector<Error> errors_of(const agent::RecheckReport& report, bool dry_run) {
  std::vector<Error> errors;
  for (const Doubt& doubt : report.refused) {
    errors.push_back(stopped(doubt, dry_run));
  }
  for (const Doubt& doubt : report.undetermined) {
    errors.push_back(undetermined(doubt));
  }
  std::stable_partition(errors.begin(), errors.end(), may_pass);
  return errors;
}

Json to_json(const std::vector<Doubt>& doubts) {
  Json list = Json::array();
  for (const Doubt& doubt : doubts) {
    list.push_back({{"service", doubt.service}, {"reason", doubt.reason.message()}});
  }
  return list;
}

Json to_json(const agent::RecheckReport& report, const std::vector<Error>& errors) {
  Json steps = Json::array();
  for (const agent::Step& step : report.steps) {
    steps.push_back({{"action", step.action}, {"object", step.object}, {"reason", step.reason}});
  }
  Json json{{"changed", !report.steps.empty()},
            {"steps", steps},
            {"refused", to_json(report.refused)},
            {"undetermined", to_json(report.undetermined)}};
  if (!errors.empty()) {
    json["error"] = cli::to_json(errors.front());
  }
  return json;
}

Result<agent::RecheckReport> judge(Session& session, const RecheckFlags& flags) {
  const agent::Configuration configuration = MOSB_TRY(session.configuration());
  const std::string dir = MOSB_TRY(applied_trust_dir(session, flags.trust));
  const agent::TrustContext trust{dir, session.clock(), &session.revocation()};
  if (flags.dry_run) {
    return agent::plan_recheck(session.paths(), {configuration, trust});
  }
  const agent::Instance instance = MOSB_TRY(agent::Instance::open(session.paths()));
  return agent::recheck_running(instance, {configuration, trust});
}

}  // namespace

Result<int> recheck(Session& session, const RecheckFlags& flags) {
  const agent::RecheckReport report = MOSB_TRY(judge(session, flags));
  const std::vector<Error> errors = errors_of(report, flags.dry_run);
  if (session.format() == Output::kJson) {
    print_json(to_json(report, errors));
    return errors.empty() ? 0 : static_cast<int>(errors.front().code());
  }
  // No line for a turn that found nothing: a timer runs it.
  for (const agent::Step& step : report.steps) {
    print_line(session, to_string(step));
  }
  for (std::size_t i = 1; i < errors.size(); ++i) {
    log::warn(errors[i].message());
  }
  return errors.empty() ? Result<int>(0) : errors.front();
}

}  // namespace mosb::cli
