#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

/// What can be learned of a layer's server from its status file, without asking the server and
/// without a pid written down anywhere. The server inherits the file with a lock on it (an open
/// file description lock), which the kernel drops when the process is gone, however it ended.
namespace mosb::verity {

/// Makes an empty status file in place of an old one and takes the lock. Whoever holds a copy of
/// the descriptor holds the lock.
Result<UniqueFd> create_status_file(const std::string& path);

constexpr std::size_t kMaxNamedBlocks = 16;

struct ServerState {
  /// A process holds the lock.
  bool alive = false;
  /// How many lines about corrupt blocks there are.
  std::uint64_t corrupt_blocks = 0;
  /// The first of them, escaped.
  std::string first_line;
  /// Of the first lines the numbers of data blocks, at most kMaxNamedBlocks.
  std::vector<std::uint64_t> blocks = {};
};

/// No status file: not alive and not corrupt.
Result<ServerState> read_server_state(const std::string& status_path);

/// Whether the server lives but was stopped (SIGSTOP): it notices nothing, and nobody gets anything
/// from it.
Result<bool> is_server_stopped(const std::string& status_path);

/// Waits until the server is gone and kills it if it is not after `patience`: a stopped or hanging
/// one does not notice that its connection ended. Errors: kBusy if it survives that, too.
Status end_server(const std::string& status_path, std::chrono::milliseconds patience);

}  // namespace mosb::verity
