#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mosb/base/result.h"

namespace mosb::net {

enum class Direction { kFrom, kTo };

/// One rule of a firewall at the forward hook, whatever wrote it, as far as it decides about
/// everything that comes from or goes to a device.
struct ForwardRule {
  /// What it takes: all, all from or all to `device`, or only some of it.
  enum class Match { kAll, kFrom, kTo, kSome };
  /// kNone: it counts, marks or tells, and the next rule is asked.
  enum class Verdict { kNone, kAccept, kDrop, kReturn, kJump, kGoto };
  Match match = Match::kSome;
  std::string device = {};
  Verdict verdict = Verdict::kNone;
  /// Where kJump and kGoto lead.
  std::string target = {};
};

/// What becomes of everything from or to a device. kUndecided: no rule takes all of it.
enum class Fate { kAccepted, kDropped, kUndecided };

/// The rules of a chain by its name, in their order.
using ChainRules = std::function<Result<std::vector<ForwardRule>>(const std::string& chain)>;

/// Follows the chain as a packet would, but for rules that take only some of it. Errors: those of
/// `rules`.
Result<Fate> fate_in(const std::string& chain,
                     Direction direction,
                     const std::string& device,
                     const ChainRules& rules);

}  // namespace mosb::net
