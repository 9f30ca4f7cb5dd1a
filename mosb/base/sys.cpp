#include "mosb/base/sys.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mosb/base/text.h"

namespace mosb::sys {

namespace {

/// Repeats a call that a signal interrupted.
template <class F>
auto retry(F call) {
  auto result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

Status status_of(int result, const std::string& what) {
  if (result < 0) {
    return Error::sys(what, errno);
  }
  return ok();
}

Result<UniqueFd> fd_of(int result, const std::string& what) {
  if (result < 0) {
    return Error::sys(what, errno);
  }
  return UniqueFd(result);
}

}  // namespace

Result<UniqueFd> open(const std::string& path, int flags, mode_t mode) {
  const int fd = retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  return fd_of(fd, "open " + quote(path));
}

Result<UniqueFd> openat(int dir, const std::string& name, int flags, mode_t mode) {
  const int fd = retry([&] { return ::openat(dir, name.c_str(), flags | O_CLOEXEC, mode); });
  return fd_of(fd, "open " + quote(name));
}

Result<UniqueFd> openat2(int dir, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = resolve;
  const long fd =
      retry([&] { return ::syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how); });
  return fd_of(static_cast<int>(fd), "open " + quote(path));
}

Result<std::size_t> read(int fd, std::span<std::byte> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t n = retry([&] { return ::read(fd, buffer.data() + done, buffer.size() - done); });
    if (n < 0) {
      return Error::sys("read", errno);
    }
    if (n == 0) {
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<std::size_t> pread(int fd, std::span<std::byte> buffer, off_t offset) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t n = retry([&] {
      return ::pread(
          fd, buffer.data() + done, buffer.size() - done, offset + static_cast<off_t>(done));
    });
    if (n < 0) {
      return Error::sys("read", errno);
    }
    if (n == 0) {
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Status write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (n < 0) {
      return Error::sys("write", errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return ok();
}

Status pwrite_all(int fd, std::span<const std::byte> bytes, off_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = retry([&] { return ::pwrite(fd, bytes.data(), bytes.size(), offset); });
    if (n < 0) {
      return Error::sys("write", errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += n;
  }
  return ok();
}

Status fsync(int fd, const std::string& what) {
  return status_of(retry([&] { return ::fsync(fd); }), "fsync " + quote(what));
}

Result<struct stat> fstat(int fd, const std::string& what) {
  struct stat st {};
  if (::fstat(fd, &st) < 0) {
    return Error::sys("stat " + quote(what), errno);
  }
  return st;
}

Result<struct stat> lstat(const std::string& path) {
  struct stat st {};
  if (::lstat(path.c_str(), &st) < 0) {
    return Error::sys("stat " + quote(path), errno);
  }
  return st;
}

Status rename(const std::string& from, const std::string& to) {
  return status_of(::rename(from.c_str(), to.c_str()),
                   "rename " + quote(from) + " to " + quote(to));
}

Status unlink(const std::string& path) {
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) {
    return Error::sys("unlink " + quote(path), errno);
  }
  return ok();
}

Status rmdir(const std::string& path) {
  if (::rmdir(path.c_str()) < 0 && errno != ENOENT) {
    return Error::sys("rmdir " + quote(path), errno);
  }
  return ok();
}

Status mkdir(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) < 0 && errno != EEXIST) {
    return Error::sys("mkdir " + quote(path), errno);
  }
  return ok();
}

Status mkdir_all(const std::string& path, mode_t mode) {
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
    return ok();
  }
  for (std::size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    MOSB_CHECK(mkdir(path.substr(0, end), mode));
  }
  return mkdir(path, mode);
}

Result<UniqueFd> dup_cloexec(int fd) {
  return fd_of(::fcntl(fd, F_DUPFD_CLOEXEC, 3), "duplicate a file descriptor");
}

Result<UniqueFd> memfd(const std::string& name) {
  return fd_of(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create");
}

Result<Pipe> pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) {
    return Error::sys("pipe", errno);
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Result<UniqueFd> pidfd_open(pid_t pid) {
  const long fd = ::syscall(SYS_pidfd_open, pid, 0);
  return fd_of(static_cast<int>(fd), "pidfd_open " + std::to_string(pid));
}

Status pidfd_send_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0 && errno != ESRCH) {
    return Error::sys("send a signal", errno);
  }
  return ok();
}

}  // namespace mosb::sys
