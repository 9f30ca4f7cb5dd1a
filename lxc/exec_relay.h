#pragma once

#include <vector>

#include "lxc/exec_stream.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::lxc {

/// Copies until the command has ended and its output was read, and hands signals on.
/// `terminal` (closed for none) is the container's, and is told the window size of `user_terminal`,
/// which is raw meanwhile. The value is the exit code. Errors: kRuntime if the container ends
/// first.
Result<int> relay_until_exit(int connection,
                             std::vector<ExecStream> streams,
                             UniqueFd terminal,
                             int user_terminal);

}  // namespace mosb::lxc
