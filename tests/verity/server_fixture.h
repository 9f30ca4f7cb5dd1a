#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "mosb/base/process.h"
#include "mosb/base/temp_dir.h"
#include "mosb/base/unique_fd.h"
#include "verity/hash_tree.h"

namespace mosb::verity::test {

/// A layer server on a FUSE mount of its own, as the mounting code sets it up. Killed after a
/// minute whatever happens, so that nobody waits for it for ever, and unmounted in the end.
class RunningServer {
 public:
  enum class Kind { kLayer, kSquashfs };
  struct Start {
    Kind kind = Kind::kLayer;
    std::string blob;
    std::uint64_t size;
    RootHash root_hash;
    /// UID_BASE GID_BASE COUNT of a squashfs server.
    std::vector<std::string> ids{};
    std::chrono::seconds time{60};
  };

  explicit RunningServer(const Start& start);
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  RunningServer(RunningServer&&) = delete;
  RunningServer& operator=(RunningServer&&) = delete;
  ~RunningServer();

  /// "ready\n", "error …\n", or "" if it said nothing within ten seconds.
  const std::string& report() const { return report_; }
  bool ready() const { return report_ == "ready\n"; }
  /// Where the file or directory shows.
  const std::string& path() const { return target_; }
  std::string status_file() const { return dir_.path() + "/status"; }
  pid_t pid() const { return child_.pid; }
  int pidfd() const { return child_.pidfd.get(); }
  /// A line of /proc/PID/status, without its name.
  std::string fact(const std::string& name) const;

  void unmount();
  void kill();
  /// SIGSTOP; returns when all threads have stopped.
  void stop();
  /// The raw wait status, once.
  std::optional<int> wait(std::chrono::seconds time);

 private:
  TempDir dir_;
  std::string target_;
  std::string report_;
  Child child_{.pid = -1, .pidfd = {}};
  bool mounted_ = false;
  bool reaped_ = false;
  std::mutex mutex_;
  std::condition_variable_any ended_;
  std::jthread killer_;
};

/// A read-only loop device with a squashfs mount on it.
class LoopSquashfs {
 public:
  explicit LoopSquashfs(const std::string& file);
  LoopSquashfs(const LoopSquashfs&) = delete;
  LoopSquashfs& operator=(const LoopSquashfs&) = delete;
  LoopSquashfs(LoopSquashfs&&) = delete;
  LoopSquashfs& operator=(LoopSquashfs&&) = delete;
  ~LoopSquashfs();
  const std::string& path() const { return path_; }

 private:
  TempDir dir_;
  std::string path_;
  std::string device_;
};

/// The file's bytes, or the errno of the read that failed. `direct` goes past the page cache.
struct ReadOutcome {
  std::string bytes;
  int error = 0;
};
ReadOutcome read_range(const std::string& path,
                       std::uint64_t offset,
                       std::size_t size,
                       bool direct = false);
ReadOutcome read_whole(const std::string& path);

/// Whether FUSE mounts can be made here; if not, says so on a line.
bool can_mount(const std::string& test);
void drop_caches();

}  // namespace mosb::verity::test
