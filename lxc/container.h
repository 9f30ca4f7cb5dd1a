#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

#include "lxc/container_spec.h"
#include "mosb/base/clock.h"
#include "mosb/base/deadline.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// Which container: the same values as in its ContainerSpec.
struct ContainerId {
  std::string name;
  std::string instance;
  std::string run_dir;
  std::string state_dir;
};
ContainerId id_of(const ContainerSpec& spec);

/// Called with the container's network namespace when it exists and before its program runs. The
/// descriptor is the caller's, for the time of the call. What takes longer than the start timeout
/// is too late: the container is gone then.
using ConnectNetwork = std::function<Status(int netns)>;

/// Starts the container with a helper process of its own, which stays as its monitor. Returns when
/// the profile was compared with the kernel's facts and the program was exec'ed. `connect` is for
/// Network::kConnected, and called for no other.
/// Errors: kRuntime if it did not start, naming why (nothing of it is left then); kBusy if a
/// container of that name runs already; kHost if the host lacks what the profile needs; kInternal
/// for kConnected without `connect`; whatever `connect` returns (and nothing is left either).
Status start(const ContainerSpec& spec,
             const RuntimeEnvironment& environment,
             const ConnectNetwork& connect = {});

enum class RunState {
  /// Not known here, or never started.
  kNone,
  /// The helper is at work, the program not yet exec'ed.
  kStarting,
  kRunning,
  kExited,
};

/// What the kernel and the durable records say of a container.
struct ContainerFacts {
  struct Exit {
    /// Exit code; 128 + signal if a signal ended it.
    int code = 0;
    /// 0 if it ended by itself.
    int signal = 0;
    /// The kernel killed a process of it for lack of memory.
    bool oom = false;
    /// Why it ended without running to its end, or "".
    std::string error;
    SystemTime at;
    bool operator==(const Exit&) const = default;
  };
  RunState state = RunState::kNone;
  /// Process 1 of the container, as the host numbers it; only when running.
  std::optional<pid_t> init_pid;
  /// Start of the present run, or the end of the last.
  SystemTime since;
  std::optional<Exit> last_exit;
  /// What the profile asks for and this host could not give, e.g. "AppArmor is not enabled".
  std::vector<std::string> degraded;
};

/// Reads only. Records of an earlier boot count as ended runs; a process counts only if it is in
/// the container's cgroup and its helper holds the lock.
Result<ContainerFacts> observe(const ContainerId& id);

/// What killed processes have to end.
constexpr std::chrono::seconds kKillTimeout{10};

/// Sends `signal` to the program (through process 1), waits up to `grace`, then kills all that is
/// left in its cgroup. Afterwards no process, mount, cgroup or socket of it exists. Not running is
/// success.
Status stop(const ContainerId& id, int signal, std::chrono::milliseconds grace);

/// The halves of stop(), for those who stop several and do not want to wait for each in turn: the
/// first one sends the signal, the second one waits until `deadline` and does all the rest. Errors:
/// kBusy if processes are there `patience` after they were killed.
Status ask_to_stop(const ContainerId& id, int signal);
Status finish_stop(const ContainerId& id,
                   const Deadline& deadline,
                   std::chrono::milliseconds patience = kKillTimeout);

/// Removes what a container left that is not running (kill -9 of its helper, an earlier boot).
/// Never touches one whose helper holds the lock.
Status collect_garbage(const ContainerId& id);
/// The same for every name that this instance has a cgroup or a directory below `run_root` for.
Status collect_garbage(const std::string& instance,
                       const std::string& run_root,
                       const std::string& state_root);

}  // namespace mosb::lxc
