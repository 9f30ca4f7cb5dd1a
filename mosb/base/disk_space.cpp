#include "mosb/base/disk_space.h"

#include <cerrno>
#include <limits>

#include <fcntl.h>
#include <sys/statvfs.h>

#include "mosb/base/text.h"

namespace mosb {

Result<ByteCount> free_space(const std::string& path) {
  struct statvfs st {};
  if (::statvfs(path.c_str(), &st) < 0) {
    return Error::sys("read the free space of " + quote(path), errno);
  }
  return ByteCount{static_cast<std::uint64_t>(st.f_bavail) * st.f_frsize};
}

Status reserve_space(int fd, ByteCount size, const std::string& what) {
  if (size.value == 0) {
    return ok();
  }
  const std::string doing = "reserve " + std::to_string(size.value) + " bytes for " + quote(what);
  if (size.value > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return Error(Errc::kResource, doing + ": no file can be so large");
  }
  int result = -1;
  do {
    result = ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size.value));
  } while (result < 0 && errno == EINTR);
  if (result < 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
    return Error::sys(doing, errno).as(Errc::kResource);
  }
  return ok();
}

}  // namespace mosb
