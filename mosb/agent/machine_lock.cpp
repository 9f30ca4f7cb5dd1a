#include "mosb/agent/machine_lock.h"

#include <chrono>
#include <thread>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

/// Clearing up takes some milliseconds, a start or stop longer.
constexpr std::chrono::milliseconds kPatience{500};
constexpr std::chrono::milliseconds kPause{10};

std::string lock_dir(const Paths& paths) {
  return paths.run() + "/machine-locks";
}

std::string lock_file(const Paths& paths, const std::string& name) {
  return lock_dir(paths) + "/" + name;
}

/// The file under the name is the one that is locked: its holder before us may have removed it.
bool is_current(const FileLock& lock, const std::string& path) {
  const auto mine = sys::fstat(lock.fd(), path);
  const auto there = sys::lstat(path);
  return mine && there && mine->st_ino == there->st_ino;
}

}  // namespace

Result<FileLock> lock_machine(const Paths& paths, const std::string& name) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto lock = try_lock_machine(paths, name);
    if (lock || lock.error().code() != Errc::kBusy || std::chrono::steady_clock::now() >= end) {
      return lock;
    }
    std::this_thread::sleep_for(kPause);
  }
}

Result<FileLock> try_lock_machine(const Paths& paths, const std::string& name) {
  MOSB_CHECK(sys::mkdir_all(lock_dir(paths), 0700));
  const std::string path = lock_file(paths, name);
  for (;;) {
    auto lock = FileLock::acquire(path);
    if (!lock && lock.error().code() == Errc::kBusy) {
      return Error(Errc::kBusy, "another mosb is at work on machine " + quote(name))
          .with_hint("wait until it is done; `mosb machine ls` shows what is");
    }
    if (!lock || is_current(*lock, path)) {
      return lock;
    }
  }
}

Status remove_machine_lock(const Paths& paths, const std::string& name) {
  return sys::unlink(lock_file(paths, name));
}

Result<FileLock> lock_host_ports(const Paths& paths) {
  // No machine has this name: names begin with a letter or digit.
  return FileLock::wait(lock_file(paths, ".ports"));
}

}  // namespace mosb::agent
