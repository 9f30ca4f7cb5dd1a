#include "verity/server_probe.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>

#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "mosb/base/process.h"
#include "mosb/base/sys.h"
#include "verity/layer_facts.h"
#include "verity/mount_table.h"
#include "verity/server_state.h"

namespace mosb::verity {

namespace {

constexpr std::size_t kProbeSize = 4096;
/// How long a probe may take to end once its server is gone.
constexpr std::chrono::milliseconds kAfterlife{5000};

/// A server that is asked, and the process that asks it.
struct Probe {
  LayerPlace place;
  Child child;
};

/// In the child: only async-signal-safe calls.
[[noreturn]] void ask(const char* loop, const char* view) {
  ::close_range(3, ~0U, 0);
  if (loop != nullptr) {
    // Direct I/O: neither the device's pages nor the file system's can answer.
    alignas(kProbeSize) static std::array<char, kProbeSize> buffer;
    const int fd = ::open(loop, O_RDONLY | O_DIRECT | O_CLOEXEC);
    (void)!::pread(fd, buffer.data(), buffer.size(), 0);
  } else {
    struct statfs answer {};
    (void)::statfs(view, &answer);
  }
  ::_exit(0);
}

Result<Child> start_probe(const MountEntry& mount) {
  const std::optional<int> number = loop_number(mount.device);
  const std::string loop = number ? device_name(mount.device) : "";
  const pid_t pid = ::fork();
  if (pid < 0) {
    return Error::sys("fork", errno);
  }
  if (pid == 0) {
    ask(number ? loop.c_str() : nullptr, mount.mount_point.c_str());
  }
  auto pidfd = sys::pidfd_open(pid);
  if (!pidfd) {
    ::kill(pid, SIGKILL);
    return pidfd.error();
  }
  return Child{pid, *std::move(pidfd)};
}

std::chrono::milliseconds remaining(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

Result<std::vector<Probe>> start_probes(const MountEnvironment& environment) {
  const MountTable table = MOSB_TRY(MountTable::read());
  std::vector<Probe> probes;
  for (LayerPlace& place : MOSB_TRY(list_places(environment))) {
    const MountEntry* mount = table.top_at(place.mount());
    if (mount == nullptr || !MOSB_TRY(read_server_state(place.status())).alive) {
      continue;
    }
    Child child = MOSB_TRY(start_probe(*mount));
    probes.push_back(Probe{std::move(place), std::move(child)});
  }
  return probes;
}

}  // namespace

Result<std::vector<std::string>> end_stuck_servers(const MountEnvironment& environment,
                                                   std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::vector<std::string> ended;
  for (const Probe& probe : MOSB_TRY(start_probes(environment))) {
    if (MOSB_TRY(wait_for(probe.child, remaining(deadline)))) {
      continue;
    }
    MOSB_CHECK(end_server(probe.place.status(), std::chrono::milliseconds(0)));
    ended.push_back(probe.place.dir);
    MOSB_CHECK(sys::pidfd_send_signal(probe.child.pidfd.get(), SIGKILL));
    (void)MOSB_TRY(wait_for(probe.child, kAfterlife));
  }
  return ended;
}

}  // namespace mosb::verity
