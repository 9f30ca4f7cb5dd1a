#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <sys/stat.h>
#include <sys/types.h>

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

/// One typed wrapper per system call, the only place that reads errno. Errors name the call's
/// object; the class follows from errno (Error::sys) until a caller sets it.
namespace mosb::sys {

/// O_CLOEXEC is added.
Result<UniqueFd> open(const std::string& path, int flags, mode_t mode = 0);
Result<UniqueFd> openat(int dir, const std::string& name, int flags, mode_t mode = 0);
/// openat2(2) with the given RESOLVE_ flags: for paths that somebody else had a hand in.
Result<UniqueFd> openat2(int dir, const std::string& path, int flags, std::uint64_t resolve);
/// Reads up to buffer.size() bytes, fewer only at the end of the file. EINTR is retried.
Result<std::size_t> read(int fd, std::span<std::byte> buffer);
Result<std::size_t> pread(int fd, std::span<std::byte> buffer, off_t offset);
Status write_all(int fd, std::span<const std::byte> bytes);
Status pwrite_all(int fd, std::span<const std::byte> bytes, off_t offset);
Status fsync(int fd, const std::string& what);
Result<struct stat> fstat(int fd, const std::string& what);
/// Does not follow a symlink at the end.
Result<struct stat> lstat(const std::string& path);
Status rename(const std::string& from, const std::string& to);
/// Already gone is success.
Status unlink(const std::string& path);
/// Already gone is success.
Status rmdir(const std::string& path);
/// An existing directory is success; its mode is then left as it is.
Status mkdir(const std::string& path, mode_t mode);
/// Every missing directory on the way, with `mode`.
Status mkdir_all(const std::string& path, mode_t mode);
Result<UniqueFd> dup_cloexec(int fd);
/// An anonymous file that can be sealed. `name` shows in /proc only.
Result<UniqueFd> memfd(const std::string& name);
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Result<Pipe> pipe();
Result<UniqueFd> pidfd_open(pid_t pid);
/// A process that is gone already is success.
Status pidfd_send_signal(int pidfd, int signal);

}  // namespace mosb::sys
