#pragma once

#include <chrono>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::verity {

/// The user and group of layer servers on the host: 2^29 - 1, the id below every range that
/// services get. Nothing else runs with it, and no file belongs to it.
constexpr unsigned kServerId = 536'870'911;

struct ServerLimits {
  /// RLIMIT_AS.
  ByteCount address_space;
  /// Everything above this descriptor is closed.
  int highest_fd;
  /// RLIMIT_CPU; 0: none.
  std::chrono::seconds processor_time{0};
  /// Whose it becomes. A process that an ordinary user started can be nobody else, be he root of a
  /// user namespace or not.
  enum class User { kServer, kCaller } user = User::kServer;
};

/// kServer for the host's root, else kCaller.
Result<ServerLimits::User> user_of_server();

/// Goes to a mount namespace of its own in which there is nothing. Whoever stayed in another's
/// would keep its mounts, the one that it serves among them, when nobody else is there any more.
/// Needs CAP_SYS_ADMIN, and must run before there are other threads. Errors: kHost.
Status leave_mounts();

/// Gives up for good: descriptors but those named, root, groups, every capability, core dumps, new
/// privileges, being traced by its own user. Must run before there are other threads.
/// Errors: kHost, naming the step.
Status drop_privileges(const ServerLimits& limits);

/// From here on all threads can only read and write the descriptors they have, read `blob_fd` at
/// an offset, and manage anonymous memory that is never executable. Any other system call kills
/// the process. Errors: kHost.
Status restrict_system_calls(int blob_fd);

}  // namespace mosb::verity
