#include "mosb/base/file_lock.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb {

namespace {

Result<UniqueFd> lock(const std::string& path, int operation) {
  UniqueFd fd = MOSB_TRY(sys::open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  int result = ::flock(fd.get(), operation);
  while (result < 0 && errno == EINTR) {
    result = ::flock(fd.get(), operation);
  }
  if (result < 0) {
    if (errno == EWOULDBLOCK) {
      return Error(Errc::kBusy, "another mosb holds " + quote(path));
    }
    return Error::sys("lock " + quote(path), errno);
  }
  return fd;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path) {
  return FileLock(MOSB_TRY(lock(path, LOCK_EX | LOCK_NB)));
}

Result<FileLock> FileLock::wait(const std::string& path) {
  return FileLock(MOSB_TRY(lock(path, LOCK_EX)));
}

Result<FileLock> FileLock::share(const std::string& path) {
  return FileLock(MOSB_TRY(lock(path, LOCK_SH)));
}

}  // namespace mosb
