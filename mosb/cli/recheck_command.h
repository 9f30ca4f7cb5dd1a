#pragma once

#include "mosb/base/result.h"
#include "mosb/cli/session.h"
#include "mosb/cli/trust_flags.h"

namespace mosb::cli {

struct RecheckFlags {
  bool dry_run = false;
  TrustFlags trust;
};

/// `apply --applied --recheck`. Errors: kPolicy if services were stopped, else the class of the
/// first thing that could not be found out.
Result<int> recheck(Session& session, const RecheckFlags& flags);

}  // namespace mosb::cli
