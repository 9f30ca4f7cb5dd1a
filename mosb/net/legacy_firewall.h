#pragma once

#include <string>
#include <vector>

#include "mosb/base/process.h"
#include "mosb/base/result.h"

namespace mosb::net {

/// What the tables that iptables had before nf_tables, and that exist beside it, do to forwarded
/// packets. mosb looks at them and never changes them.
struct LegacyFirewall {
  /// Programs whose chain FORWARD drops what comes from or goes to the bridge:
  /// "iptables-legacy", "ip6tables-legacy".
  std::vector<std::string> dropping;
  /// Programs that would show a table which is there, and that are not installed.
  std::vector<std::string> unknown;
  bool operator==(const LegacyFirewall&) const = default;
};

/// Of the caller's network namespace. Where the kernel has no such table filter in use, nothing is
/// run. Errors: kNetSetup if a table is there and its listing fails or cannot be understood.
Result<LegacyFirewall> look_at_legacy(const std::string& bridge, ProcessRunner& programs);

}  // namespace mosb::net
