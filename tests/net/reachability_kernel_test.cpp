#include <catch2/catch.hpp>

#include "mosb/net/nft.h"
#include "tests/net/net_lab.h"

using namespace mosb;
using namespace mosb::net;

namespace {

struct Row {
  const char* from;
  const char* address;
  std::uint16_t port;
  /// Whom the service sees, "refused" or "nothing".
  const char* seen;
};

// Hosts: w outside, h the host, a, b and the isolated c services.
constexpr Row kRows[] = {
    {"w", "192.0.2.1", 80, "192.0.2.2"},
    {"w", "192.0.2.1", 81, "refused"},
    {"w", "10.0.3.99", 5000, "nothing"},
    {"w", "192.0.2.1", 90, "192.0.2.2"},
    {"h", "127.0.0.1", 80, "10.0.3.1"},
    {"h", "127.0.0.1", 81, "10.0.3.1"},
    {"h", "192.0.2.1", 80, "192.0.2.1"},
    {"h", "10.0.3.1", 80, "10.0.3.1"},
    {"h", "10.0.3.99", 5000, "10.0.3.1"},
    {"h", "10.0.3.101", 5000, "10.0.3.1"},
    {"b", "10.0.3.99", 5000, "10.0.3.100"},
    {"b", "10.0.3.1", 80, "10.0.3.1"},
    {"b", "192.0.2.1", 80, "10.0.3.1"},
    {"a", "192.0.2.1", 80, "10.0.3.1"},
    {"a", "10.0.3.1", 80, "10.0.3.1"},
    {"a", "192.0.2.2", 9000, "192.0.2.1"},
    // Isolated: outside and itself, but nobody else.
    {"c", "192.0.2.2", 9000, "192.0.2.1"},
    {"c", "192.0.2.1", 90, "10.0.3.1"},
    {"c", "10.0.3.99", 5000, "nothing"},
    {"c", "192.0.2.1", 80, "nothing"},
    {"a", "10.0.3.101", 5000, "nothing"},
    {"a", "192.0.2.1", 90, "nothing"},
    {"w", "2001:db8::1", 80, "2001:db8::2"},
    {"w", "fd00:3::99", 5000, "nothing"},
    {"h", "::1", 80, "refused"},
    {"h", "2001:db8::1", 80, "2001:db8::1"},
    {"h", "fd00:3::99", 5000, "fd00:3::1"},
    {"b", "fd00:3::99", 5000, "fd00:3::100"},
    {"b", "fd00:3::1", 80, "fd00:3::1"},
    {"a", "2001:db8::1", 80, "fd00:3::1"},
    {"a", "2001:db8::2", 9000, "2001:db8::1"},
    {"c", "2001:db8::2", 9000, "2001:db8::1"},
    {"c", "2001:db8::1", 90, "fd00:3::1"},
    {"c", "fd00:3::99", 5000, "nothing"},
    {"c", "2001:db8::1", 80, "nothing"},
    {"a", "fd00:3::101", 5000, "nothing"},
    {"a", "2001:db8::1", 90, "nothing"},
};

const NetNs& place(const NetLab& lab, const std::string& name) {
  return name == "w" ? lab.outside : name == "h" ? lab.host : lab.ns(name);
}

}  // namespace

TEST_CASE("services are reached where they are forwarded, and nowhere else", "[net]") {
  const std::string br_netfilter = GENERATE("0", "1");
  NetLab lab;
  lab.host.sh("modprobe -q br_netfilter; sysctl -qw net.bridge.bridge-nf-call-iptables=" +
              br_netfilter + " net.bridge.bridge-nf-call-ip6tables=" + br_netfilter);
  lab.settle();
  for (const char* service : {"a", "b", "c"}) {
    lab.connect(service);
  }
  CHECK(lab.plan().empty());
  const EchoServer a(lab.ns("a"), 5000);
  const EchoServer c(lab.ns("c"), 5000);
  const EchoServer outside(lab.outside, 9000);
  for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
    for (const Row& row : kRows) {
      INFO("br_netfilter " << br_netfilter << ", " << protocol_name(protocol) << " from "
                           << row.from << " to " << row.address << " port " << row.port);
      CHECK(ask(place(lab, row.from), protocol, row.address, row.port) == row.seen);
    }
  }
  INFO(br_netfilter);
  CHECK(ask(lab.outside, Protocol::kTcp, "2001:db8::1", 82) == "2001:db8::2");
}
