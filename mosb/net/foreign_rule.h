#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mosb/base/json.h"
#include "mosb/net/forward_rule.h"

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

/// What it decides. iptables' own target that rejects counts as a drop.
ForwardRule forward_rule(const ForeignRule& rule);

}  // namespace mosb::net
