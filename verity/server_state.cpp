#include "verity/server_state.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/number.h"
#include "mosb/base/proc_status.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/layer_server.h"

namespace mosb::verity {

namespace {

/// A server writes at most 1000 lines.
constexpr ByteCount kMaxStatus{256 * kKiB};
constexpr ByteCount kMaxProc{64 * kKiB};
constexpr std::chrono::milliseconds kPoll{2};
constexpr std::chrono::milliseconds kKillPatience{5000};
/// The descriptor numbers that servers get (layer_server.cpp).
constexpr const char* kFuseFd = "/fd/3";
constexpr const char* kStatusFd = "/fd/5";

struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// The N of lines "corrupt block N"; other lines are passed over.
std::vector<std::uint64_t> named_blocks(const std::string& text) {
  constexpr std::string_view kBlock = " block ";
  std::vector<std::uint64_t> blocks;
  for (const std::string& line : split(text, '\n')) {
    const std::size_t at = line.find(kBlock);
    if (at == std::string::npos || blocks.size() == kMaxNamedBlocks) {
      continue;
    }
    const auto block = parse_uint(line.substr(at + kBlock.size()), 0, UINT64_MAX);
    if (block) {
      blocks.push_back(*block);
    }
  }
  return blocks;
}

/// Whether the process is a server whose status file is this very one.
bool serves(pid_t pid, const struct stat& status) {
  const std::string proc = "/proc/" + std::to_string(pid);
  struct stat st {};
  if (::stat((proc + kStatusFd).c_str(), &st) < 0 || st.st_dev != status.st_dev ||
      st.st_ino != status.st_ino) {
    return false;
  }
  std::error_code ignored;
  return std::filesystem::read_symlink(proc + kFuseFd, ignored) == "/dev/fuse";
}

struct FoundServer {
  pid_t pid;
  UniqueFd pidfd;
};

/// nullopt if there is none.
Result<std::optional<FoundServer>> find_server(const struct stat& status) {
  for (const std::string& name : MOSB_TRY(list_dir("/proc"))) {
    const auto pid = parse_uint(name, 1, 1U << 30U);
    if (!pid || !serves(static_cast<pid_t>(*pid), status)) {
      continue;
    }
    auto pidfd = sys::pidfd_open(static_cast<pid_t>(*pid));
    // Asked again: only now can the number not pass to another process any more.
    if (pidfd && serves(static_cast<pid_t>(*pid), status)) {
      return std::optional(FoundServer{static_cast<pid_t>(*pid), *std::move(pidfd)});
    }
  }
  return std::optional<FoundServer>();
}

/// Whether the server was gone in time.
Result<bool> wait_for_end(const std::string& status_path, std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    reap_ended_servers();
    if (!MOSB_TRY(read_server_state(status_path)).alive) {
      return true;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace

Result<UniqueFd> create_status_file(const std::string& path) {
  MOSB_CHECK(sys::unlink(path));
  UniqueFd fd = MOSB_TRY(sys::open(path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(fd.get(), F_OFD_SETLK, &lock) < 0) {
    return Error::sys("lock " + quote(path), errno);
  }
  return fd;
}

Result<ServerState> read_server_state(const std::string& status_path) {
  const auto fd = sys::open(status_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) {
    if (fd.error().sys_errno() == ENOENT) {
      return ServerState{};
    }
    return fd.error();
  }
  struct flock lock = whole_file(F_RDLCK);
  if (::fcntl(fd->get(), F_OFD_GETLK, &lock) < 0) {
    return Error::sys("test the lock of " + quote(status_path), errno);
  }
  const std::string text = MOSB_TRY(read_file(status_path, kMaxStatus));
  ServerState state;
  state.alive = lock.l_type != F_UNLCK;
  state.corrupt_blocks = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  state.blocks = named_blocks(text);
  state.first_line = escape(text.substr(0, text.find('\n')));
  return state;
}

Result<bool> is_server_stopped(const std::string& status_path) {
  if (!MOSB_TRY(read_server_state(status_path)).alive) {
    return false;
  }
  const auto server = MOSB_TRY(find_server(MOSB_TRY(sys::lstat(status_path))));
  if (!server) {
    return false;
  }
  const auto text = read_kernel_file("/proc/" + std::to_string(server->pid) + "/status", kMaxProc);
  // "T (stopped)" or "t (tracing stop)"; one that has just gone is not stopped.
  const std::string state = text ? parse_proc_status(*text)["State"] : "";
  return state.starts_with('T') || state.starts_with('t');
}

Status end_server(const std::string& status_path, std::chrono::milliseconds patience) {
  if (MOSB_TRY(wait_for_end(status_path, patience))) {
    return ok();
  }
  const struct stat status = MOSB_TRY(sys::lstat(status_path));
  const auto server = MOSB_TRY(find_server(status));
  if (server) {
    MOSB_CHECK(sys::pidfd_send_signal(server->pidfd.get(), SIGKILL));
  }
  if (!MOSB_TRY(wait_for_end(status_path, kKillPatience))) {
    return Error(Errc::kBusy, "the server behind " + quote(status_path) + " does not end");
  }
  return ok();
}

}  // namespace mosb::verity
