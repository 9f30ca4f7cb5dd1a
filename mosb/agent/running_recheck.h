#pragma once

#include <string>
#include <vector>

#include "mosb/agent/apply.h"
#include "mosb/agent/instance.h"
#include "mosb/base/error.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// What judging the images of running services by the present time came to.
struct RecheckReport {
  struct Doubt {
    std::string service;
    /// Why its image counts no more, or why that could not be found out.
    Error reason;
  };
  /// Of each service that was stopped, or is to be.
  std::vector<Step> steps = {};
  std::vector<Doubt> refused = {};
  /// Of services that run on.
  std::vector<Doubt> undetermined = {};
};

/// With `trust.recheck: daily`: judges the image of every service that runs as a new admission
/// would be, revocation included. Services whose image is refused whatever servers may answer are
/// stopped, which the state records with the reason before it is done. One of which that could not
/// be found out runs on, with the reason in the state: no answer of a server, an image that the
/// store has lost, a notation configuration that cannot be read. Otherwise does nothing.
/// Errors: kPolicy for a clock that is certainly wrong, kBusy for a file system that is in use.
Result<RecheckReport> recheck_running(const Instance& instance, const ApplyContext& context);
/// What recheck_running() would find and stop. Changes nothing.
Result<RecheckReport> plan_recheck(const Paths& paths, const ApplyContext& context);

}  // namespace mosb::agent
