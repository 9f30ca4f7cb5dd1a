#include "mosb/net/foreign_rule.h"

#include <utility>
#include <vector>

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

/// Sets what the last, deciding expression of a rule says.
void decide(const Json& expression, ForwardRule& rule) {
  using Verdict = ForwardRule::Verdict;
  rule.target = target_of(expression);
  if (drops(expression)) {
    rule.verdict = Verdict::kDrop;
  } else if (expression.contains("accept")) {
    rule.verdict = Verdict::kAccept;
  } else if (expression.contains("return")) {
    rule.verdict = Verdict::kReturn;
  } else if (!rule.target.empty()) {
    rule.verdict = expression.contains("jump") ? Verdict::kJump : Verdict::kGoto;
  }
}

/// Sets which packets a rule is about that has one condition.
void restrict_to(const Json& condition, ForwardRule& rule) {
  for (const auto& [key, match] : {std::pair{"iifname", ForwardRule::Match::kFrom},
                                   std::pair{"oifname", ForwardRule::Match::kTo}}) {
    const Json left{{"meta", {{"key", key}}}};
    const auto found = condition.find("match");
    if (found != condition.end() && found->is_object() && found->value("op", Json()) == "==" &&
        found->value("left", Json()) == left && found->value("right", Json()).is_string()) {
      rule.match = match;
      rule.device = found->at("right").get<std::string>();
    }
  }
}

}  // namespace

ForwardRule forward_rule(const ForeignRule& rule) {
  std::vector<Json> deciding;
  for (const Json& expression : rule.expressions) {
    if (!expression.is_object() || !is_bystander(expression)) {
      deciding.push_back(expression);
    }
  }
  ForwardRule out;
  if (deciding.empty() || deciding.size() > 2 || !deciding.front().is_object() ||
      !deciding.back().is_object()) {
    return out;
  }
  decide(deciding.back(), out);
  if (deciding.size() == 1) {
    out.match = ForwardRule::Match::kAll;
  } else {
    restrict_to(deciding.front(), out);
  }
  return out;
}

}  // namespace mosb::net
