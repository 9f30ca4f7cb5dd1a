#include "mosb/net/foreign_firewall.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "mosb/base/text.h"
#include "mosb/net/foreign_rule.h"
#include "mosb/net/names.h"
#include "mosb/net/ruleset.h"

namespace mosb::net {

namespace {

constexpr ByteCount kMaxListing{256 * kMiB};
constexpr char kDockerUser[] = "DOCKER-USER";

/// A chain at the forward hook.
struct ForwardChain {
  std::string family;
  std::string table;
  std::string name;
  bool drops_by_policy = false;
};

struct Chains {
  std::vector<ForwardChain> at_forward;
  /// Names of all chains by family and table.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> names;
};

std::string rule_tag(const std::string& instance) {
  return "mosb:" + instance;
}

/// A name that can be written into a command as it is; nothing else can be made with nft.
bool is_plain(const std::string& name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
  };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '/';
         });
}

/// Every element of what a list command prints.
Status for_each_element(const std::string& command,
                        Nft& nft,
                        const std::function<Status(const Json&)>& take) {
  const std::string text = MOSB_TRY(nft.list(command, true));
  if (text.empty()) {
    return ok();
  }
  const auto parsed = json::parse(text, kMaxListing, {.array = "nftables", .take = take});
  return parsed ? ok() : Status(parsed.error()).context("nftables: " + command).as(Errc::kNetSetup);
}

Status take_chain(const Json& element, const std::string& own_table, Chains& to) {
  const Json* const chain = MOSB_TRY(json::optional_object(element, "chain"));
  if (chain == nullptr) {
    return ok();
  }
  const std::string family = MOSB_TRY(json::require_string(*chain, "family"));
  const std::string table = MOSB_TRY(json::require_string(*chain, "table"));
  const std::string name = MOSB_TRY(json::require_string(*chain, "name"));
  const std::string hook = MOSB_TRY(json::optional_string(*chain, "hook")).value_or("");
  const std::string policy = MOSB_TRY(json::optional_string(*chain, "policy")).value_or("");
  to.names[{family, table}].insert(name);
  const bool is_ip = family == "ip" || family == "ip6" || family == "inet";
  if (is_ip && hook == "forward" && table != own_table && is_plain(table) && is_plain(name)) {
    to.at_forward.push_back(
        {.family = family, .table = table, .name = name, .drops_by_policy = policy == "drop"});
  }
  return ok();
}

Result<Chains> list_chains(const std::string& instance, Nft& nft) {
  Chains chains;
  MOSB_CHECK(for_each_element("list chains", nft, [&](const Json& element) {
    return take_chain(element, table_name(instance), chains);
  }));
  return chains;
}

/// One chain's rules, as far as they are asked for.
class RuleReader {
 public:
  explicit RuleReader(Nft& nft) : nft_(nft) {}

  Result<std::vector<ForeignRule>> rules(const ForwardChain& table, const std::string& chain) {
    std::vector<ForeignRule> rules;
    const std::string command = "list chain " + table.family + " " + table.table + " " + chain;
    MOSB_CHECK(for_each_element(command, nft_, [&](const Json& element) -> Status {
      if (auto rule = MOSB_TRY(parse_rule(element))) {
        rules.push_back(*std::move(rule));
      }
      return ok();
    }));
    return rules;
  }

  /// Whether what no rule of the chain knows is dropped in the end. Only the last rule can say so
  /// for all of it; it may send everything on to another chain that does.
  Result<bool> drops_unknown(const ForwardChain& table) {
    std::set<std::string> seen;
    for (std::string chain = table.name; is_plain(chain) && seen.insert(chain).second;) {
      const std::vector<ForeignRule> found = MOSB_TRY(rules(table, chain));
      const ForwardRule last = found.empty() ? ForwardRule() : forward_rule(found.back());
      if (last.match != ForwardRule::Match::kAll || last.target.empty()) {
        return last.match == ForwardRule::Match::kAll &&
               last.verdict == ForwardRule::Verdict::kDrop;
      }
      chain = last.target;
    }
    return false;
  }

 private:
  Nft& nft_;
};

std::string owner_of(const ForwardChain& chain,
                     const std::set<std::string>& names,
                     const std::vector<ForeignRule>& rules) {
  if (chain.table == "firewalld") {
    return "firewalld";
  }
  // What Docker left when it went, its chain, nothing leads to.
  if (std::any_of(rules.begin(), rules.end(), [](const ForeignRule& rule) {
        return forward_rule(rule).target == kDockerUser;
      })) {
    return "Docker";
  }
  const bool is_ufw = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with("ufw-") || name.starts_with("ufw6-");
  });
  return is_ufw ? "ufw" : "";
}

/// Docker rewrites its own rules and documents this chain, which it asks first, for others'.
std::string place_of(const ForeignDrop& drop) {
  return drop.owner == "Docker" ? kDockerUser : drop.chain;
}

/// What is another instance's goes when that one goes.
bool is_other_instances(const ForeignRule& rule, const std::string& instance) {
  return rule.comment.starts_with(rule_tag("")) && rule.comment != rule_tag(instance);
}

/// Whether all that comes from and goes to the bridge is accepted there, by whomever's rule.
Result<bool> lets_pass(const ForwardChain& chain,
                       const std::string& instance,
                       const std::string& bridge,
                       RuleReader& reader) {
  const ChainRules rules = [&](const std::string& name) -> Result<std::vector<ForwardRule>> {
    std::vector<ForwardRule> out;
    if (!is_plain(name)) {
      return out;
    }
    for (const ForeignRule& rule : MOSB_TRY(reader.rules(chain, name))) {
      if (!is_other_instances(rule, instance)) {
        out.push_back(forward_rule(rule));
      }
    }
    return out;
  };
  for (const Direction direction : {Direction::kFrom, Direction::kTo}) {
    if (MOSB_TRY(fate_in(chain.name, direction, bridge, rules)) != Fate::kAccepted) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<std::vector<ForeignDrop>> find_foreign_drops(const std::string& instance,
                                                    const std::string& bridge,
                                                    Nft& nft) {
  MOSB_CHECK(check_instance(instance));
  const Chains chains = MOSB_TRY(list_chains(instance, nft));
  RuleReader reader(nft);
  std::vector<ForeignDrop> drops;
  for (const ForwardChain& chain : chains.at_forward) {
    if (!chain.drops_by_policy && !MOSB_TRY(reader.drops_unknown(chain))) {
      continue;
    }
    if (MOSB_TRY(lets_pass(chain, instance, bridge, reader))) {
      continue;
    }
    const auto rules = MOSB_TRY(reader.rules(chain, chain.name));
    drops.push_back(
        {.family = chain.family,
         .table = chain.table,
         .chain = chain.name,
         .owner = owner_of(chain, chains.names.at({chain.family, chain.table}), rules)});
  }
  return drops;
}

std::string foreign_accept(const ForeignDrop& drop,
                           const std::string& instance,
                           const std::string& bridge) {
  NetworkSpec names;
  names.instance = instance;
  names.bridge.name = bridge;
  (void)check_names(names).value();
  // Nothing finer: iptables refuses a whole table that has an expression which it would not have
  // written, and whoever owns the table may use iptables. What is not forwarded is dropped by the
  // instance's own rules.
  const std::string start =
      "insert rule " + drop.family + " " + drop.table + " " + place_of(drop) + " ";
  const std::string end = " \"" + bridge + "\" accept comment \"" + rule_tag(instance) + "\"\n";
  return start + "iifname" + end + start + "oifname" + end;
}

Status remove_foreign_accepts(const std::string& instance, Nft& nft) {
  MOSB_CHECK(check_instance(instance));
  std::string commands;
  MOSB_CHECK(for_each_element("list ruleset", nft, [&](const Json& element) -> Status {
    const auto rule = MOSB_TRY(parse_rule(element));
    if (rule && rule->comment == rule_tag(instance) && rule->table != table_name(instance) &&
        is_plain(rule->table) && is_plain(rule->chain)) {
      commands += "delete rule " + rule->family + " " + rule->table + " " + rule->chain +
                  " handle " + std::to_string(rule->handle) + "\n";
    }
    return ok();
  }));
  return commands.empty() ? ok() : nft.run(commands);
}

}  // namespace mosb::net
