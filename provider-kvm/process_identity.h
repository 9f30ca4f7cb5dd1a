#pragma once

#include <cstdint>
#include <optional>

#include <sys/types.h>

#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::kvm {

/// One process of this boot for certain: numbers are given again, starting times are not.
struct ProcessIdentity {
  pid_t pid = 0;
  /// Clock ticks after boot, as in /proc/PID/stat.
  std::uint64_t start_ticks = 0;
  bool operator==(const ProcessIdentity&) const = default;
};

/// Errors: kNotFound if there is no such process.
Result<ProcessIdentity> identify(pid_t pid);

/// A pidfd of that very process, or nullopt if it has ended (a zombie has ended, too).
Result<std::optional<UniqueFd>> open_process(const ProcessIdentity& identity);

}  // namespace mosb::kvm
