#pragma once

#include <string>

#include "mosb/agent/paths.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// Held by whoever starts, stops, changes or clears up after one machine. Other machines and
/// services go on meanwhile.
/// Waits a moment for one who only clears up. Errors: kBusy if another mosb holds it then.
Result<FileLock> lock_machine(const Paths& paths, const std::string& name);
/// The same, but only if nobody holds it now.
Result<FileLock> try_lock_machine(const Paths& paths, const std::string& name);

/// Removes the lock's file; the caller holds the lock and lets it go next.
Status remove_machine_lock(const Paths& paths, const std::string& name);

/// Held from the look at the host's ports until qemu has them. Waits for others that do the same.
Result<FileLock> lock_host_ports(const Paths& paths);

}  // namespace mosb::agent
