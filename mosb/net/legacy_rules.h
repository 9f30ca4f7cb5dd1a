#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/net/forward_rule.h"

namespace mosb::net {

/// A table of iptables-legacy.
struct LegacyTable {
  /// Of the chains that the kernel has: ACCEPT or DROP.
  std::map<std::string, std::string> policies;
  /// By chain, in their order.
  std::map<std::string, std::vector<ForwardRule>> rules;
};

/// What `iptables-legacy -S` prints: -P, -N and -A lines. A rule about one device and nothing else
/// is told as such, any other one with a condition as taking some packets. Pure. Errors: kContent
/// for anything else.
Result<LegacyTable> parse_legacy_rules(std::string_view text);

/// Whether all that comes from or goes to the device is dropped by the table, or by its policy
/// because nothing takes it before: one of the two directions is enough. Pure.
bool drops_forwarded(const LegacyTable& table, const std::string& device);

}  // namespace mosb::net
