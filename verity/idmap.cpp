#include "verity/idmap.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mosb/base/owned.h"
#include "mosb/base/sys.h"

namespace mosb::verity {

namespace {

constexpr std::size_t kStackSize = 16384;

/// Lives in the new namespace until it is killed, at the latest with the thread that made it. It
/// shares our memory, so it must touch none of it but its stack.
int wait_to_be_killed(void* parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != *static_cast<const pid_t*>(parent)) {
    ::_exit(0);
  }
  for (;;) {
    ::pause();
  }
}

struct IdleChildTraits {
  using Resource = pid_t;
  static Status close(const pid_t& pid) {
    ::kill(pid, SIGKILL);
    // __WCLONE: a child without an exit signal; no SIGCHLD handler of ours hears of it.
    while (::waitpid(pid, nullptr, static_cast<int>(__WCLONE)) < 0 && errno == EINTR) {
    }
    return ok();
  }
};

class IdleChild : public Owned<IdleChildTraits> {
 public:
  using Owned::Owned;
};

/// Signals are blocked in the child from its first moment: it has our handlers and our memory.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  BlockedSignals(BlockedSignals&&) = delete;
  BlockedSignals& operator=(BlockedSignals&&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

Status write_map(pid_t pid, const char* name, const std::string& map) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + name;
  const UniqueFd fd = MOSB_TRY(sys::open(path, O_WRONLY));
  return sys::write_all(fd.get(), std::as_bytes(std::span(map))).context("write " + path);
}

}  // namespace

Result<UniqueFd> make_user_namespace(const IdRange& range) {
  const std::uint64_t end = std::uint64_t{range.host_base} + range.count;
  // The last number, (uid_t)-1, is no id.
  if (range.count == 0 || end > std::numeric_limits<std::uint32_t>::max()) {
    return Error(Errc::kUsage,
                 "id range " + std::to_string(range.host_base) + "+" + std::to_string(range.count) +
                     " is empty or too high");
  }
  alignas(16) std::array<char, kStackSize> stack{};
  pid_t self = ::getpid();
  pid_t pid = -1;
  int err = 0;
  {
    const BlockedSignals blocked;
    pid = ::clone(wait_to_be_killed,
                  stack.data() + stack.size(),
                  CLONE_NEWUSER | CLONE_VM | CLONE_FILES,
                  &self);
    err = errno;
  }
  if (pid < 0) {
    Error error = Error::sys("make a user namespace", err);
    return err == ENOSPC ? std::move(error).with_hint("raise user.max_user_namespaces")
                         : std::move(error).as(Errc::kHost);
  }
  IdleChild child(pid);
  const std::string map =
      "0 " + std::to_string(range.host_base) + " " + std::to_string(range.count);
  MOSB_CHECK(write_map(pid, "uid_map", map));
  MOSB_CHECK(write_map(pid, "gid_map", map));
  UniqueFd fd = MOSB_TRY(sys::open("/proc/" + std::to_string(pid) + "/ns/user", O_RDONLY));
  MOSB_CHECK(child.close());
  return fd;
}

}  // namespace mosb::verity
