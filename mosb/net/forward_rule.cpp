#include "mosb/net/forward_rule.h"

#include <map>

namespace mosb::net {

namespace {

using Match = ForwardRule::Match;
using Verdict = ForwardRule::Verdict;

/// More than nf_tables lets chains jump.
constexpr int kMaxDepth = 64;

class Follower {
 public:
  Follower(Direction direction, const std::string& device, const ChainRules& rules)
      : direction_(direction), device_(device), rules_(rules) {}

  /// Each chain is followed once: what it decides does not depend on where it was come from, and
  /// one that leads back to itself decides nothing there.
  Result<Fate> follow(const std::string& chain, int depth) {
    const auto [known, is_new] = fates_.try_emplace(chain, Fate::kUndecided);
    if (!is_new || depth > kMaxDepth) {
      return known->second;
    }
    known->second = MOSB_TRY(follow_rules(chain, depth));
    return known->second;
  }

 private:
  Result<Fate> follow_rules(const std::string& chain, int depth) {
    for (const ForwardRule& rule : MOSB_TRY(rules_(chain))) {
      if (!takes(rule)) {
        continue;
      }
      switch (rule.verdict) {
        case Verdict::kAccept:
          return Fate::kAccepted;
        case Verdict::kDrop:
          return Fate::kDropped;
        case Verdict::kReturn:
          return Fate::kUndecided;
        case Verdict::kGoto:
          return follow(rule.target, depth + 1);
        case Verdict::kJump: {
          const Fate fate = MOSB_TRY(follow(rule.target, depth + 1));
          if (fate != Fate::kUndecided) {
            return fate;
          }
          break;
        }
        case Verdict::kNone:
          break;
      }
    }
    return Fate::kUndecided;
  }

  bool takes(const ForwardRule& rule) const {
    const Match of_device = direction_ == Direction::kFrom ? Match::kFrom : Match::kTo;
    return rule.match == Match::kAll || (rule.match == of_device && rule.device == device_);
  }

  Direction direction_;
  const std::string& device_;
  const ChainRules& rules_;
  std::map<std::string, Fate> fates_;
};

}  // namespace

Result<Fate> fate_in(const std::string& chain,
                     Direction direction,
                     const std::string& device,
                     const ChainRules& rules) {
  return Follower(direction, device, rules).follow(chain, 0);
}

}  // namespace mosb::net
