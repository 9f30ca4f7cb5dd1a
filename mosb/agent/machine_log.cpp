#include "mosb/agent/machine_log.h"

#include <array>
#include <cerrno>
#include <span>

#include <fcntl.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

std::string old_log(const std::string& path, unsigned number) {
  return path + "." + std::to_string(number);
}

/// Makes place for a new LOG.1.
Status shift(const std::string& path) {
  for (unsigned number = kOldConsoleLogs; number > 1; --number) {
    if (path_exists(old_log(path, number - 1))) {
      MOSB_CHECK(sys::rename(old_log(path, number - 1), old_log(path, number)));
    }
  }
  return ok();
}

/// The last kMaxConsoleLog bytes: a guest may have written any number since somebody looked.
Status copy_end(int from, const std::string& to) {
  const struct stat st = MOSB_TRY(sys::fstat(from, to));
  const auto most = static_cast<off_t>(kMaxConsoleLog.value);
  off_t offset = st.st_size > most ? st.st_size - most : 0;
  const UniqueFd out = MOSB_TRY(sys::open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  std::array<std::byte, 64 * kKiB> buffer{};
  while (offset < st.st_size) {
    const std::size_t n = MOSB_TRY(sys::pread(from, buffer, offset));
    if (n == 0) {
      break;
    }
    MOSB_CHECK(sys::write_all(out.get(), std::span(buffer).first(n)));
    offset += static_cast<off_t>(n);
  }
  return ok();
}

}  // namespace

Result<bool> console_log_is_full(const std::string& path) {
  const auto st = sys::lstat(path);
  if (!st) {
    return st.error().sys_errno() == ENOENT ? Result<bool>(false) : st.error();
  }
  return static_cast<std::uint64_t>(st->st_size) > kMaxConsoleLog.value;
}

Status rotate_console_log(const std::string& path) {
  if (!MOSB_TRY(console_log_is_full(path))) {
    return ok();
  }
  MOSB_CHECK(shift(path));
  return sys::rename(path, old_log(path, 1));
}

Status rotate_open_console_log(const std::string& path) {
  if (!MOSB_TRY(console_log_is_full(path))) {
    return ok();
  }
  const UniqueFd log = MOSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW));
  MOSB_CHECK(shift(path));
  MOSB_CHECK(copy_end(log.get(), old_log(path, 1)));
  if (::ftruncate(log.get(), 0) < 0) {
    return Error::sys("cut " + quote(path), errno);
  }
  return ok();
}

Status remove_console_log(const std::string& path) {
  for (unsigned number = 1; number <= kOldConsoleLogs; ++number) {
    MOSB_CHECK(sys::unlink(old_log(path, number)));
  }
  return sys::unlink(path);
}

}  // namespace mosb::agent
