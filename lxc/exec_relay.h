#pragma once

#include <vector>

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::lxc {

/// One direction of a command's streams.
struct Relay {
  int from = -1;
  int to = -1;
  /// Towards the command: its end does not matter to us.
  bool is_input = false;
  /// Closed when `from` has ended, so that the command sees the end too.
  UniqueFd* close_at_end = nullptr;
};

/// Copies until the command has ended and its output was read, and hands signals on.
/// `terminal` (or -1) is told the window size of `user_terminal`, which is raw meanwhile.
/// The value is the exit code. Errors: kRuntime if the container ends first.
Result<int> relay_until_exit(int connection,
                             std::vector<Relay> relays,
                             int terminal,
                             int user_terminal);

}  // namespace mosb::lxc
