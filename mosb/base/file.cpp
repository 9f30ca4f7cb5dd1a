#include "mosb/base/file.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/random.h"
#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

constexpr std::size_t kChunk = 64 * kKiB;
constexpr std::string_view kTempMark = ".tmp-";
constexpr std::size_t kSuffixDigits = 16;

Result<std::string> read_to_end(int fd, const std::string& path, ByteCount limit) {
  std::string bytes;
  for (;;) {
    const std::size_t old = bytes.size();
    bytes.resize(old + kChunk);
    const std::size_t n =
        MOSB_TRY(sys::read(fd, std::as_writable_bytes(std::span(bytes)).subspan(old))
                     .context("read " + quote(path)));
    bytes.resize(old + n);
    if (bytes.size() > limit.value) {
      return Error(Errc::kContent,
                   quote(path) + " is larger than " + std::to_string(limit.value) + " bytes");
    }
    if (n < kChunk) {
      return bytes;
    }
  }
}

Result<std::string> read_regular(const std::string& path, int extra_flags, ByteCount limit) {
  // O_NONBLOCK: a FIFO must not hold us up before its type is seen.
  const UniqueFd fd = MOSB_TRY(sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | extra_flags));
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), path));
  if (!S_ISREG(st.st_mode)) {
    return Error(Errc::kContent, quote(path) + " is not a regular file");
  }
  return read_to_end(fd.get(), path, limit);
}

std::string dir_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status remove_contents(int dir_fd, const std::string& path, dev_t device, int depth);

Status remove_entry(
    int dir_fd, const std::string& name, const std::string& dir, dev_t device, int depth) {
  const std::string path = dir + "/" + name;
  if (::unlinkat(dir_fd, name.c_str(), 0) == 0 || errno == ENOENT) {
    return ok();
  }
  if (errno != EISDIR && errno != EPERM) {
    return Error::sys("unlink " + quote(path), errno);
  }
  const UniqueFd child = MOSB_TRY(sys::openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
                                      .context("remove " + quote(path)));
  const struct stat st = MOSB_TRY(sys::fstat(child.get(), path));
  if (st.st_dev != device) {
    return Error(Errc::kBusy, "remove " + quote(path) + ": something is mounted there");
  }
  MOSB_CHECK(remove_contents(child.get(), path, device, depth + 1));
  if (::unlinkat(dir_fd, name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT) {
    return Error::sys("rmdir " + quote(path), errno);
  }
  return ok();
}

Status remove_contents(int dir_fd, const std::string& path, dev_t device, int depth) {
  constexpr int kMaxDepth = 256;
  if (depth > kMaxDepth) {
    return Error(Errc::kState, quote(path) + " is nested too deeply to be removed");
  }
  UniqueFd own = MOSB_TRY(sys::dup_cloexec(dir_fd));
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(own.get()), ::closedir);
  if (!dir) {
    return Error::sys("list " + quote(path), errno);
  }
  (void)own.release();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): own stream
    const std::string name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") {
      names.push_back(name);
    }
  }
  for (const std::string& name : names) {
    MOSB_CHECK(remove_entry(dir_fd, name, path, device, depth));
  }
  return ok();
}

}  // namespace

Result<std::string> read_file(const std::string& path, ByteCount limit) {
  return read_regular(path, O_NOFOLLOW, limit);
}

Result<std::string> read_named_file(const std::string& path, ByteCount limit) {
  return read_regular(path, 0, limit);
}

Result<std::string> read_kernel_file(const std::string& path, ByteCount limit) {
  const UniqueFd fd = MOSB_TRY(sys::open(path, O_RDONLY));
  return read_to_end(fd.get(), path, limit);
}

namespace {

Status write_and_rename(const std::string& path,
                        std::string_view bytes,
                        mode_t mode,
                        bool durable) {
  const std::string temp = path + std::string(kTempMark) + random_hex(kSuffixDigits / 2);
  UniqueFd fd = MOSB_TRY(sys::open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  ScopeExit remove_temp([&] { (void)sys::unlink(temp); });
  // The umask may have taken bits away.
  if (::fchmod(fd.get(), mode) < 0) {
    return Error::sys("chmod " + quote(temp), errno);
  }
  MOSB_CHECK(
      sys::write_all(fd.get(), std::as_bytes(std::span(bytes))).context("write " + quote(path)));
  MOSB_CHECK(durable ? sys::fsync(fd.get(), temp) : ok());
  fd.reset();
  MOSB_CHECK(sys::rename(temp, path));
  remove_temp.dismiss();
  return durable ? fsync_dir(dir_of(path)) : ok();
}

}  // namespace

Status write_file_atomic(const std::string& path, std::string_view bytes, mode_t mode) {
  return write_and_rename(path, bytes, mode, true);
}

Status replace_file(const std::string& path, std::string_view bytes, mode_t mode) {
  return write_and_rename(path, bytes, mode, false);
}

Status remove_stale_temps(const std::string& dir) {
  if (!path_exists(dir)) {
    return ok();
  }
  for (const std::string& name : MOSB_TRY(list_dir(dir))) {
    const std::size_t mark = name.rfind(kTempMark);
    if (mark != std::string::npos && name.size() == mark + kTempMark.size() + kSuffixDigits) {
      MOSB_CHECK(sys::unlink(dir + "/" + name));
    }
  }
  return ok();
}

Status fsync_dir(const std::string& dir) {
  const UniqueFd fd = MOSB_TRY(sys::open(dir, O_RDONLY | O_DIRECTORY));
  return sys::fsync(fd.get(), dir);
}

Status remove_tree(const std::string& path) {
  const auto st = sys::lstat(path);
  if (!st) {
    return st.error().sys_errno() == ENOENT ? ok() : Status(st.error());
  }
  if (!S_ISDIR(st->st_mode)) {
    return sys::unlink(path);
  }
  const UniqueFd fd = MOSB_TRY(sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  MOSB_CHECK(remove_contents(fd.get(), path, st->st_dev, 0));
  return sys::rmdir(path);
}

bool path_exists(const std::string& path) {
  return sys::lstat(path).has_value();
}

}  // namespace mosb
