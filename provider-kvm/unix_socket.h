#pragma once

#include <string>

#include "mosb/base/deadline.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::kvm {

/// Connects to a Unix stream socket that some process has made, or is about to make: waits until
/// the path is there and somebody listens, but not longer than `gone` (a pidfd, or -1) says that
/// process lives. The connection is non-blocking. Errors: kRuntime after the deadline or the
/// process's end, kNotFound at once if `gone` is -1 and there is no such socket.
Result<UniqueFd> connect_unix(const std::string& path, int gone, const Deadline& deadline);

/// A listening socket at a path that must be free, mode 0600.
Result<UniqueFd> listen_unix(const std::string& path);

/// Waits until `fd` can be read. Errors: kRuntime after the deadline, or when `gone` (a pidfd, or
/// -1) says that the process ended while there is nothing to read.
Status wait_readable(int fd, int gone, const Deadline& deadline, const std::string& what);

}  // namespace mosb::kvm
