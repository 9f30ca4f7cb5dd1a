#include <catch2/catch.hpp>

#include "mosb/net/foreign_firewall.h"
#include "tests/net/net_lab.h"
#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

constexpr char kDocker[] =
    "iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN; "
    "iptables -A FORWARD -j DOCKER-USER; "
    "iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; "
    "iptables -A FORWARD -i docker0 -j ACCEPT";
constexpr char kUfw[] =
    "iptables -P FORWARD DROP; iptables -N ufw-before-forward; "
    "iptables -A FORWARD -j ufw-before-forward";
constexpr char kReject[] =
    "iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP; "
    "iptables -A FORWARD -j REJECT";
constexpr char kFirewalld[] =
    "nft 'table inet firewalld { "
    "chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept; "
    "ct state { established, related } accept; jump zones; reject with icmpx admin-prohibited; }\n"
    "chain zones { iifname \"none0\" accept; }; }'";
constexpr char kJump[] =
    "nft 'table inet other { chain final { counter; drop; }\nchain second { goto final; }\n"
    "chain entrance { type filter hook forward priority 0; policy accept; jump second; }; }'";

struct FirewallLab : NetLab {
  FirewallLab() {
    settle();
    connect("a");
  }
  std::vector<ForeignDrop> drops() const {
    std::vector<ForeignDrop> found;
    host.in([&] {
      LibNft nft;
      found = must(find_foreign_drops(spec.instance, spec.bridge.name, nft));
    });
    return found;
  }
  void accept(const ForeignDrop& drop) const {
    host.in([&] {
      LibNft nft;
      must(nft.run(foreign_accept(drop, spec.instance, spec.bridge.name)));
    });
  }
  void remove_accepts() const {
    host.in([&] {
      LibNft nft;
      must(remove_foreign_accepts(spec.instance, nft));
    });
  }
};

}  // namespace

TEST_CASE("a firewall that drops what is forwarded is found, opened for the bridge, and closed",
          "[net]") {
  const struct {
    const char* commands;
    ForeignDrop drop;
  } rows[] = {
      {"iptables -P FORWARD DROP", {"ip", "filter", "FORWARD", ""}},
      {kReject, {"ip", "filter", "FORWARD", ""}},
      {kDocker, {"ip", "filter", "FORWARD", "Docker"}},
      {kUfw, {"ip", "filter", "FORWARD", "ufw"}},
      {kFirewalld, {"inet", "firewalld", "filter_FORWARD", "firewalld"}},
      {kJump, {"inet", "other", "entrance", ""}},
  };
  for (const auto& row : rows) {
    INFO(row.commands);
    FirewallLab lab;
    const EchoServer a(lab.ns("a"), 5000);
    const EchoServer outside(lab.outside, 9000);
    const auto is_reached = [&] {
      return ask(lab.outside, Protocol::kTcp, "192.0.2.1", 80) == "192.0.2.2";
    };
    REQUIRE(is_reached());
    CHECK(lab.drops().empty());
    lab.host.sh(row.commands);
    const auto rules = [&] { return lab.host.output("nft -s list ruleset | sort; iptables -S"); };
    const std::string before = rules();
    CHECK_FALSE(is_reached());
    const auto found = lab.drops();
    REQUIRE(found.size() == 1);
    CHECK(found[0] == row.drop);
    lab.accept(found[0]);
    CHECK(is_reached());
    CHECK(ask(lab.ns("a"), Protocol::kTcp, "192.0.2.2", 9000) == "192.0.2.1");
    // What is not forwarded stays closed.
    CHECK(ask(lab.outside, Protocol::kTcp, "10.0.3.99", 5000) == "nothing");
    CHECK(lab.drops().empty());
    CHECK(lab.plan().empty());
    // iptables still knows all of its table.
    CHECK(lab.host.output("iptables -S").find("incompatible") == std::string::npos);
    lab.remove_accepts();
    CHECK(lab.drops() == found);
    CHECK_FALSE(is_reached());
    CHECK(rules() == before);
  }
}

TEST_CASE("a firewall that lets pass what it does not know is no matter", "[net]") {
  FirewallLab lab;
  lab.host.sh(
      "iptables -A FORWARD -i docker0 -j DROP; iptables -P INPUT DROP; "
      "iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP");
  lab.host.sh(
      "nft 'table ip other { chain unused { drop; }\n"
      "chain entrance { type filter hook forward priority 0; tcp dport 1 drop; jump maybe; }\n"
      "chain maybe { tcp dport 2 drop; }; }'");
  CHECK(lab.drops().empty());
}

TEST_CASE("an accept for another bridge or of another instance does not count", "[net]") {
  FirewallLab lab;
  lab.host.sh("iptables -P FORWARD DROP");
  const ForeignDrop drop{"ip", "filter", "FORWARD", ""};
  lab.host.in([&] {
    LibNft nft;
    must(nft.run(foreign_accept(drop, lab.spec.instance, "br1")));
    must(nft.run(foreign_accept(drop, "0badcaff", lab.spec.bridge.name)));
  });
  CHECK(lab.drops() == std::vector<ForeignDrop>{drop});
  lab.remove_accepts();
  const std::string left = lab.host.output("iptables -S FORWARD");
  CHECK(left.find("mosb:0badcafe") == std::string::npos);
  CHECK(left.find("mosb:0badcaff") != std::string::npos);
}

TEST_CASE("what an operator lets pass for the bridge in both directions counts, whoever wrote it",
          "[net]") {
  FirewallLab lab;
  lab.host.sh(
      "iptables -P FORWARD DROP; iptables -N user; iptables -A FORWARD -j user; "
      "iptables -A user -i lxcbr0 -j ACCEPT");
  CHECK(lab.drops().size() == 1);
  lab.host.sh("iptables -A user -p tcp -o lxcbr0 -j ACCEPT");
  CHECK(lab.drops().size() == 1);
  lab.host.sh("iptables -A user -o lxcbr0 -j ACCEPT");
  CHECK(lab.drops().empty());
  lab.host.sh("iptables -I user -j DROP");
  CHECK(lab.drops().size() == 1);
}
