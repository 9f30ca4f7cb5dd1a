#pragma once

#include "mosb/agent/instance.h"
#include "mosb/base/result.h"
#include "mosb/oci/store.h"

namespace mosb::agent {

/// The instance's store, for writing. An index.json that is missing or can't be read is made anew,
/// with a warning: the records of what is applied, and the signatures that lie there. That gives
/// nobody trust: what an image is accepted for is in the applied state, and each start judges its
/// signatures. Errors: kState.
Result<oci::Store> open_store(const Instance& instance);

}  // namespace mosb::agent
