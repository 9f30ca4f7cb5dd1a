#include "verity/fault_log.h"

#include <string>

#include "mosb/base/sys.h"

namespace mosb::verity {

void FaultLog::record(const BlockFault& fault) {
  const std::lock_guard lock(mutex_);
  if (recorded_.size() >= kMaxLines || !recorded_.insert(fault.block).second) {
    return;
  }
  first_ = first_ ? first_ : fault;
  const std::string line =
      std::string(fault.kind == BlockFault::Kind::kCorrupt ? "corrupt" : "unreadable") + " block " +
      std::to_string(fault.block) + "\n";
  // Nobody is there to be told that the status file cannot be written; the reader gets EIO anyway.
  (void)sys::write_all(fd_, std::as_bytes(std::span(line)));
}

std::optional<BlockFault> FaultLog::first() const {
  const std::lock_guard lock(mutex_);
  return first_;
}

}  // namespace mosb::verity
