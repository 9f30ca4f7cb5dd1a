#pragma once

#include <string>
#include <utility>

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb {

/// A flock(2) on a file of mode 0600. The kernel drops it when the process ends. The
/// file must lie in a directory that only root enters: whoever can read a lock file can hold it.
class FileLock {
 public:
  /// Takes the lock at once. Errors: kBusy if somebody holds it.
  static Result<FileLock> acquire(const std::string& path);
  /// Waits for the lock.
  static Result<FileLock> wait(const std::string& path);
  /// Waits until nobody holds the lock alone, and holds it beside others that share it.
  static Result<FileLock> share(const std::string& path);
  int fd() const { return fd_.get(); }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace mosb
