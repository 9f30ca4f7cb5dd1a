#pragma once

#include <string>
#include <utility>

#include "mosb/base/file_lock.h"
#include "mosb/base/result.h"
#include "mosb/base/temp_dir.h"
#include "mosb/base/text.h"

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

/// What is made in a temporary directory: the error says what to do where there was no room.
template <class T>
Result<T> with_way_out(Result<T> made, const std::string& temp_dir) {
  return made || made.error().code() != Errc::kResource
             ? std::move(made)
             : std::move(made).with_hint("make room in " + quote(temp_dir) +
                                         ", or name another folder in TMPDIR");
}

/// A directory of this user alone below $TMPDIR, else /tmp; made if it is not there. Errors: kHost
/// if somebody else has it.
Result<std::string> private_temp_dir();

}  // namespace mosb::oci
