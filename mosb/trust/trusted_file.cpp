#include "mosb/trust/trusted_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::trust {

namespace {

constexpr ByteCount kMaxKeyFile{64 * kKiB};

/// Error::sys, but with a class that says "policy" except where the file is absent.
Error cannot_read(Error error, const std::string& path) {
  if (error.sys_errno() == ELOOP || error.sys_errno() == ENOTDIR) {
    return Error(Errc::kPolicy, quote(path) + " is a symlink or not what it should be");
  }
  return error.code() == Errc::kNotFound ? error : std::move(error).as(Errc::kPolicy);
}

Status check_owner(const struct stat& st, const std::string& path) {
  if (st.st_uid != 0 && st.st_uid != ::geteuid()) {
    return Error(Errc::kPolicy,
                 quote(path) + " belongs to user " + std::to_string(st.st_uid) +
                     ", who could change it")
        .with_hint("run mosb as that user, or give the file to root");
  }
  return ok();
}

Status check_trusted(const struct stat& st, const std::string& path) {
  MOSB_CHECK(check_owner(st, path));
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error(Errc::kPolicy, quote(path) + " can be written to by others than its owner")
        .with_hint("chmod go-w " + quote(path));
  }
  return ok();
}

Result<std::string> read_all(int fd, const std::string& path, ByteCount limit) {
  constexpr std::size_t kChunk = 16 * kKiB;
  std::string bytes;
  for (;;) {
    const std::size_t old = bytes.size();
    bytes.resize(old + kChunk);
    const std::size_t n = MOSB_TRY(
        sys::read(fd, std::as_writable_bytes(std::span(bytes)).subspan(old)).as(Errc::kPolicy));
    bytes.resize(old + n);
    if (bytes.size() > limit.value) {
      return Error(Errc::kPolicy,
                   quote(path) + " is larger than " + std::to_string(limit.value) + " bytes");
    }
    if (n == 0) {
      return bytes;
    }
  }
}

struct OpenFile {
  UniqueFd fd;
  struct stat st;
};

/// O_NONBLOCK: a FIFO must not hold us up before its type is seen.
Result<OpenFile> open_checked(const std::string& path, int flags, mode_t type) {
  auto opened = sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | flags);
  if (!opened) {
    return cannot_read(std::move(opened).error(), path);
  }
  UniqueFd fd = *std::move(opened);
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), path));
  if ((st.st_mode & S_IFMT) != type) {
    return Error(Errc::kPolicy,
                 quote(path) + (type == S_IFDIR ? " is not a directory (symlinks are not followed)"
                                                : " is not a regular file"));
  }
  return OpenFile{std::move(fd), st};
}

}  // namespace

Result<std::string> read_trusted_file(const std::string& path, ByteCount limit) {
  const OpenFile file = MOSB_TRY(open_checked(path, O_NOFOLLOW, S_IFREG));
  MOSB_CHECK(check_trusted(file.st, path));
  if (file.st.st_nlink != 1) {
    return Error(Errc::kPolicy, quote(path) + " has more than one name (hard links)");
  }
  return read_all(file.fd.get(), path, limit);
}

Result<std::vector<std::string>> list_trusted_directory(const std::string& path, std::size_t most) {
  OpenFile directory = MOSB_TRY(open_checked(path, O_NOFOLLOW, S_IFDIR));
  MOSB_CHECK(check_trusted(directory.st, path));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.fd.get()), ::closedir);
  if (!stream) {
    return Error::sys("list " + quote(path), errno).as(Errc::kPolicy);
  }
  (void)directory.fd.release();
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream.get())) {
    std::string name(static_cast<const char*>(entry->d_name));
    if (name == "." || name == "..") {
      continue;
    }
    if (names.size() == most) {
      return Error(Errc::kPolicy,
                   quote(path) + " has more than " + std::to_string(most) + " entries");
    }
    names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status check_trusted_directory(const std::string& path) {
  const OpenFile directory = MOSB_TRY(open_checked(path, 0, S_IFDIR));
  return check_trusted(directory.st, path);
}

Result<std::string> read_key_file(const std::string& path) {
  const OpenFile file = MOSB_TRY(open_checked(path, 0, S_IFREG));
  if ((file.st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Error(Errc::kPolicy, "the key file " + quote(path) + " is open to others than its owner")
        .with_hint("chmod 600 " + quote(path));
  }
  return read_all(file.fd.get(), path, kMaxKeyFile);
}

}  // namespace mosb::trust
