#pragma once

#include <string>
#include <vector>

#include "mosb/base/json.h"

namespace mosb::net {

/// A rule as nft's JSON shows it, as far as mosb looks at rules of others.
// NOLINTNEXTLINE(bugprone-exception-escape): moving Json throws nothing, its assertions confuse
struct ForeignRule {
  std::string family;
  std::string table;
  std::string chain;
  std::uint64_t handle = 0;
  std::string comment;
  Json expressions;
};

/// nullopt if the element of a listing is no rule. Errors: kContent.
Result<std::optional<ForeignRule>> parse_rule(const Json& element);

/// What becomes of what no rule before it took.
struct RuleEnding {
  enum class Kind { kGoesOn, kDrops, kJumps };
  Kind kind = Kind::kGoesOn;
  /// Where kJumps goes.
  std::string target;
};
/// Of a rule without any condition; one with a condition lets something go on.
RuleEnding ending_of(const ForeignRule& rule);

/// Whether the rule accepts all that comes in from, or all that goes out to, the device.
enum class Direction { kFrom, kTo };
bool accepts_all(const ForeignRule& rule, Direction direction, const std::string& device);

}  // namespace mosb::net
