#pragma once

#include <string>
#include <utility>

#include "mosb/base/file_lock.h"
#include "mosb/base/result.h"
#include "mosb/base/temp_dir.h"

namespace mosb::oci {

/// A temporary directory that a kill does not leave for long: it is locked while in use, and
/// whoever makes the next one beside it removes those that nobody locks.
class Scratch {
 public:
  /// Below `parent`, which others may write to only if they can't rename what is this user's.
  static Result<Scratch> make(const std::string& parent);
  const std::string& path() const { return dir_.path(); }

 private:
  Scratch(TempDir dir, FileLock lock) : dir_(std::move(dir)), lock_(std::move(lock)) {}
  TempDir dir_;
  FileLock lock_;
};

/// A directory of this user alone below $TMPDIR, else /tmp; made if it is not there. Errors: kHost
/// if somebody else has it.
Result<std::string> private_temp_dir();

}  // namespace mosb::oci
