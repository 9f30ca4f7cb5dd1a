#pragma once

#include <string>

#include "lxc/container.h"
#include "lxc/container_spec.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// A command to run inside a running container.
struct ExecRequest {
  ContainerId id;
  /// argv[0] without a slash is looked up in the PATH of `process.env`.
  ContainerProcess process;
  /// A pseudo-terminal of the container instead of three streams, joined to stdin_fd and stdout_fd.
  bool tty = false;
  /// Where the command's input comes from and its output goes. The command itself never gets these
  /// descriptors, only pipes or a terminal of the container.
  int stdin_fd = 0;
  int stdout_fd = 1;
  int stderr_fd = 2;
};

/// Runs the command as a child of the container's process 1, so with all of the service's
/// namespaces, cgroup, capabilities, no_new_privs, seccomp filters and AppArmor profile, and waits
/// for its end. SIGINT, SIGTERM, SIGHUP and SIGQUIT to the caller go to the command meanwhile.
/// The value is its exit code, or 128 + signal.
/// Errors: kNotFound if the container does not run; kRuntime if the command could not be started.
Result<int> exec(const ExecRequest& request);

}  // namespace mosb::lxc
