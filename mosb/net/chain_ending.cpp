#include "mosb/net/chain_ending.h"

#include <algorithm>

namespace mosb::net {

Result<std::optional<ForeignRule>> parse_rule(const Json& element) {
  const Json* const object =
      element.is_object() ? MOSB_TRY(json::optional_object(element, "rule")) : nullptr;
  if (object == nullptr) {
    return std::optional<ForeignRule>();
  }
  ForeignRule rule;
  rule.family = MOSB_TRY(json::require_string(*object, "family"));
  rule.table = MOSB_TRY(json::require_string(*object, "table"));
  rule.chain = MOSB_TRY(json::require_string(*object, "chain"));
  rule.handle = MOSB_TRY(json::require_uint(*object, "handle"));
  rule.comment = MOSB_TRY(json::optional_string(*object, "comment")).value_or("");
  rule.expressions = *MOSB_TRY(json::require_array(*object, "expr"));
  return std::optional<ForeignRule>(std::move(rule));
}

namespace {

/// What only counts or tells decides nothing.
bool is_bystander(const Json& expression) {
  return expression.contains("counter") || expression.contains("log");
}

/// Also the one target of iptables that rejects; nft shows it as a foreign expression.
bool drops(const Json& expression) {
  if (expression.contains("drop") || expression.contains("reject")) {
    return true;
  }
  const auto foreign = expression.find("xt");
  return foreign != expression.end() && foreign->is_object() &&
         foreign->value("type", Json()) == "target" && foreign->value("name", Json()) == "REJECT";
}

std::string target_of(const Json& expression) {
  for (const char* verb : {"jump", "goto"}) {
    const auto found = expression.find(verb);
    if (found != expression.end() && found->is_object()) {
      const Json target = found->value("target", Json());
      return target.is_string() ? target.get<std::string>() : "";
    }
  }
  return "";
}

}  // namespace

RuleEnding ending_of(const ForeignRule& rule) {
  std::vector<Json> deciding;
  for (const Json& expression : rule.expressions) {
    if (!expression.is_object() || !is_bystander(expression)) {
      deciding.push_back(expression);
    }
  }
  if (deciding.size() != 1 || !deciding.front().is_object()) {
    return {};
  }
  if (drops(deciding.front())) {
    return {.kind = RuleEnding::Kind::kDrops, .target = {}};
  }
  const std::string target = target_of(deciding.front());
  return {.kind = target.empty() ? RuleEnding::Kind::kGoesOn : RuleEnding::Kind::kJumps,
          .target = target};
}

bool accepts_all(const ForeignRule& rule, Direction direction, const std::string& device) {
  const Json key{{"meta", {{"key", direction == Direction::kFrom ? "iifname" : "oifname"}}}};
  const Json match{{"match", {{"op", "=="}, {"left", key}, {"right", device}}}};
  return rule.expressions == Json::array({match, Json{{"accept", nullptr}}});
}

}  // namespace mosb::net
