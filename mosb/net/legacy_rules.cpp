#include "mosb/net/legacy_rules.h"

#include <algorithm>
#include <optional>

#include "mosb/base/text.h"

namespace mosb::net {

namespace {

constexpr char kForward[] = "FORWARD";

/// The words of a line; one in double quotes has its spaces, and \\ before a quote or itself.
std::optional<std::vector<std::string>> words_of(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == ' ' && !quoted) {
      in_word = false;
      continue;
    }
    if (!in_word) {
      words.emplace_back();
      in_word = true;
    }
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && quoted && i + 1 < line.size()) {
      words.back() += line[++i];
    } else {
      words.back() += c;
    }
  }
  return quoted ? std::nullopt : std::optional(std::move(words));
}

ForwardRule::Verdict verdict_of(const std::string& target, const LegacyTable& table) {
  using Verdict = ForwardRule::Verdict;
  if (target == "ACCEPT") {
    return Verdict::kAccept;
  }
  if (target == "DROP" || target == "REJECT") {
    return Verdict::kDrop;
  }
  if (target == "RETURN") {
    return Verdict::kReturn;
  }
  return table.rules.contains(target) ? Verdict::kJump : Verdict::kNone;
}

/// The words behind `-A CHAIN`.
ForwardRule rule_of(std::span<const std::string> words, const LegacyTable& table) {
  ForwardRule rule{.match = ForwardRule::Match::kAll};
  int conditions = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool has_value = i + 1 < words.size();
    if (has_value && (words[i] == "-j" || words[i] == "-g")) {
      // What follows are the target's own options.
      rule.verdict = verdict_of(words[i + 1], table);
      if (rule.verdict == ForwardRule::Verdict::kJump) {
        rule.target = words[i + 1];
        rule.verdict = words[i] == "-g" ? ForwardRule::Verdict::kGoto : ForwardRule::Verdict::kJump;
      }
      break;
    }
    if (has_value && (words[i] == "-i" || words[i] == "-o")) {
      rule.match = words[i] == "-i" ? ForwardRule::Match::kFrom : ForwardRule::Match::kTo;
      rule.device = words[++i];
      ++conditions;
    } else if (words[i] == "-m" && i + 3 < words.size() && words[i + 1] == "comment" &&
               words[i + 2] == "--comment") {
      i += 3;
    } else {
      conditions += 2;
    }
  }
  // "!" is a word of its own, so that a device which is excluded is one condition too many.
  if (conditions > 1) {
    rule.match = ForwardRule::Match::kSome;
  }
  return rule;
}

}  // namespace

Result<LegacyTable> parse_legacy_rules(std::string_view text) {
  LegacyTable table;
  std::vector<std::vector<std::string>> rules;
  for (const std::string& line : split(text, '\n')) {
    auto words = words_of(line);
    if (words && words->empty()) {
      continue;
    }
    if (words && words->size() >= 3 && words->front() == "-P") {
      table.policies[(*words)[1]] = (*words)[2];
      table.rules.try_emplace((*words)[1]);
    } else if (words && words->size() == 2 && words->front() == "-N") {
      table.rules.try_emplace((*words)[1]);
    } else if (words && words->size() > 2 && words->front() == "-A" &&
               table.rules.contains((*words)[1])) {
      rules.push_back(*std::move(words));
    } else {
      return Error(Errc::kContent, quote(line) + " is no rule of iptables");
    }
  }
  // When all chains are known that targets may be.
  for (const std::vector<std::string>& words : rules) {
    table.rules.at(words[1]).push_back(rule_of(std::span(words).subspan(2), table));
  }
  return table;
}

bool drops_forwarded(const LegacyTable& table, const std::string& device) {
  const ChainRules rules = [&](const std::string& chain) -> Result<std::vector<ForwardRule>> {
    const auto found = table.rules.find(chain);
    return found == table.rules.end() ? std::vector<ForwardRule>() : found->second;
  };
  const auto policy = table.policies.find(kForward);
  const bool drops = policy != table.policies.end() && policy->second == "DROP";
  const auto is_dropped = [&](Direction direction) {
    const Fate fate = fate_in(kForward, direction, device, rules).value();
    return fate == Fate::kDropped || (fate == Fate::kUndecided && drops);
  };
  return is_dropped(Direction::kFrom) || is_dropped(Direction::kTo);
}

}  // namespace mosb::net
