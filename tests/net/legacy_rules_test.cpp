#include "mosb/net/legacy_rules.h"

#include <catch2/catch.hpp>

#include "tests/support/must.h"

using namespace mosb;
using namespace mosb::net;

namespace {

constexpr char kPolicies[] = "-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n";
constexpr char kDropPolicy[] = "-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n";

bool drops(const std::string& text) {
  return drops_forwarded(must(parse_legacy_rules(text)), "lxcbr0");
}

}  // namespace

TEST_CASE("a legacy table drops what its policy or a rule without condition drops", "[net]") {
  CHECK(drops(kDropPolicy));
  CHECK_FALSE(drops(kPolicies));
  for (const char* rules :
       {"-A FORWARD -j DROP\n",
        "-A FORWARD -j REJECT --reject-with icmp-port-unreachable\n",
        "-A FORWARD -m comment --comment \"a \\\"b\\\" -i c\" -j DROP\n",
        "-A FORWARD -i lxcbr0 -j DROP\n",
        "-A FORWARD -o lxcbr0 -j REJECT\n",
        "-N last\n-A FORWARD -i lxcbr0 -j ACCEPT\n-A FORWARD -j last\n-A last -j DROP\n",
        "-N last\n-A FORWARD -g last\n-A FORWARD -j ACCEPT\n-A last -j DROP\n"}) {
    CAPTURE(rules);
    CHECK(drops(std::string(kPolicies) + rules));
  }
  for (const char* rules : {"-A FORWARD -s 192.0.2.77/32 -j DROP\n",
                            "-A FORWARD -i docker0 -j DROP\n",
                            "-A FORWARD ! -i lxcbr0 -j DROP\n",
                            "-A FORWARD -i lxcbr0 -p tcp -j DROP\n",
                            "-A FORWARD -i lxcbr0 -o eth0 -j DROP\n",
                            "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n",
                            "-A FORWARD -j LOG --log-prefix \"-j DROP\"\n",
                            "-N unused\n-A unused -j DROP\n",
                            "-N last\n-A FORWARD -j last\n-A last -j RETURN\n-A last -j DROP\n",
                            "-N loop\n-A FORWARD -j loop\n-A loop -j loop\n"}) {
    CAPTURE(rules);
    CHECK_FALSE(drops(std::string(kPolicies) + rules));
  }
}

TEST_CASE("a legacy table lets pass what rules accept for all of the bridge's traffic", "[net]") {
  const std::string in = "-A FORWARD -i lxcbr0 -j ACCEPT\n";
  const std::string out = "-A FORWARD -o lxcbr0 -m comment --comment \"for mosb\" -j ACCEPT\n";
  CHECK_FALSE(drops(kDropPolicy + in + out));
  CHECK(drops(kDropPolicy + in));
  CHECK(drops(kDropPolicy + out));
  CHECK(drops(std::string(kDropPolicy) + "-A FORWARD -j DROP\n" + in + out));
  CHECK(drops(kDropPolicy + in + "-A FORWARD -o lxcbr0 -m state --state ESTABLISHED -j ACCEPT\n"));
  CHECK_FALSE(drops(std::string(kDropPolicy) +
                    "-N user\n-A FORWARD -j user\n-A user -i lxcbr0 -j ACCEPT\n"
                    "-A user -o lxcbr0 -j ACCEPT\n"));
  CHECK_FALSE(drops(std::string(kDropPolicy) + "-A FORWARD -j ACCEPT\n"));
}

TEST_CASE("chains that lead to each other many times over are judged at once", "[net]") {
  std::string text = kDropPolicy;
  std::string rules;
  for (int i = 0; i < 40; ++i) {
    text += "-N c" + std::to_string(i) + "\n";
    for (int j = 0; j < 40; ++j) {
      rules += "-A c" + std::to_string(i) + " -j c" + std::to_string(j) + "\n";
    }
  }
  CHECK(drops(text + "-A FORWARD -j c0\n" + rules));
  CHECK_FALSE(drops(text + "-A FORWARD -j c0\n" + rules + "-A FORWARD -j ACCEPT\n"));
}

TEST_CASE("a listing that is none of iptables is refused", "[net]") {
  for (const char* text : {"iptables v1.8.9 (legacy)\n",
                           "-P\n",
                           "-P FORWARD\n",
                           "-N\n",
                           "-A FORWARD\n",
                           "-P FORWARD DROP\n-A FORWARD -m comment --comment \"open -j ACCEPT\n",
                           "-P FORWARD DROP\n-A nowhere -j DROP\n"}) {
    CAPTURE(text);
    const auto table = parse_legacy_rules(text);
    REQUIRE_FALSE(table);
    CHECK(table.error().code() == Errc::kContent);
  }
}
