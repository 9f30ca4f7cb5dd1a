#pragma once

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"
#include "verity/layer.h"

namespace mosb::verity {

/// A user namespace in which ids 0 … count-1 are the host's host_base … host_base+count-1, for
/// mount_setattr(2). No process runs in it. Errors: kUsage for an empty range or one that wraps,
/// kResource if no more user namespaces may be made, kHost if the kernel has none.
Result<UniqueFd> make_user_namespace(const IdRange& range);

}  // namespace mosb::verity
