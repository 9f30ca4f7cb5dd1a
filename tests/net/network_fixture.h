#pragma once

#include <string>
#include <vector>

#include "mosb/net/names.h"
#include "mosb/net/network_plan.h"
#include "tests/support/fake_netlink.h"
#include "tests/support/fake_nft.h"
#include "tests/support/must.h"

namespace mosb::net {

/// One service with forwards, IPv4 and IPv6, on a made-up host with one card.
struct NetworkFixture {
  NetworkFixture() {
    spec.instance = "0badcafe";
    spec.bridge = {.name = "lxcbr0",
                   .ipv4 = must(IpPrefix::parse("10.0.3.1/24")),
                   .ipv6 = must(IpPrefix::parse("fd00:3::1/64"))};
    spec.services = {{.service = "web",
                      .mac = {{0x02, 0, 0, 0, 0, 0x01}},
                      .ipv4 = must(IpAddress::parse("10.0.3.99")),
                      .ipv6 = must(IpAddress::parse("fd00:3::99")),
                      .isolated = false,
                      .forwards = {{Protocol::kTcp, std::nullopt, 80, 5000}}}};
    netlink.add_link("up0", "", "");
    netlink.settings = {{"net.ipv4.ip_forward", "0"},
                        {"net.ipv6.conf.all.forwarding", "0"},
                        {"net.ipv6.conf.up0.accept_ra", "1"},
                        {"net.ipv4.conf.lxcbr0.route_localnet", "0"}};
  }

  NetworkState state() {
    return must(read_network_state(spec.instance, spec.bridge.name, netlink, nft));
  }
  Result<std::vector<NetworkStep>> plan() { return plan_network(spec, state(), record, running); }
  std::vector<std::string> plan_texts() {
    std::vector<std::string> texts;
    for (const NetworkStep& step : must(plan())) {
      texts.push_back(step.object + ": " + describe(step));
    }
    return texts;
  }
  Status settle() { return execute(MOSB_TRY(plan()), spec, netlink, nft, record); }
  /// What plan() refuses with.
  std::string refusal() {
    const auto steps = plan();
    if (steps || steps.error().code() != Errc::kNetSetup) {
      return "no refusal";
    }
    return steps.error().message();
  }

  FakeNetlink netlink;
  FakeNft nft;
  NetworkSpec spec;
  NetworkRecord record;
  std::vector<std::string> running;
};

}  // namespace mosb::net
