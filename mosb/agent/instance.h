#pragma once

#include <string>
#include <utility>

#include "mosb/agent/paths.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// One root's directories, its random id, and the lock under which anything is changed.
class Instance {
 public:
  /// Makes the directories and the id where they are missing and takes the lock.
  /// Errors: kBusy if another mosb holds it, kHost if the root cannot carry services.
  static Result<Instance> open(const Paths& paths);

  const Paths& paths() const { return paths_; }
  /// 8 hex digits that every kernel object of this instance carries in its name.
  const std::string& id() const { return id_; }

 private:
  Instance(Paths paths, std::string id, FileLock lock)
      : paths_(std::move(paths)), id_(std::move(id)), lock_(std::move(lock)) {}

  Paths paths_;
  std::string id_;
  FileLock lock_;
};

/// What services need and images mounted by hand do not: the host's own root. Errors: kHost.
Status require_host_root();

/// The id alone, for commands that only look; "" where nothing was ever applied. Errors: kState.
Result<std::string> read_instance_id(const Paths& paths);

}  // namespace mosb::agent
