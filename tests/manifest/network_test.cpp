#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "mosb/manifest/manifest.h"
#include "samples.h"

using namespace mosb::manifest;  // NOLINT(google-build-using-namespace): the part under test
using Catch::Matchers::Contains;
using mosb::manifest::test::first_problem;
using mosb::manifest::test::good;
using mosb::manifest::test::problems_of;
using mosb::manifest::test::version2;

TEST_CASE("a simple network has an address, ports, names to ask and may be isolated",
          "[manifest]") {
  const auto network =
      good(version2("    network:\n"
                    "      type: simple\n"
                    "      ipv4: 10.0.3.99/24\n"
                    "      ipv6: 'fd00:3::99'\n"
                    "      isolate: true\n"
                    "      dns: {servers: [192.0.2.53], search: [example.org], "
                    "options: ['ndots:2']}\n"
                    "      ports:\n"
                    "      - {host: 80, container: 5000}\n"
                    "      - {host: 53, container: 53, protocol: both, name: dns,"
                    " host_ip: 127.0.0.1}\n"
                    "      - {host: 53, container: 54, host_ip: 192.0.2.1, wait: 2s}\n"
                    "      - {host: 80, container: 80, protocol: udp, name: u, wait: none}\n"))
          .targets[0]
          .network;
  CHECK(network.type == TargetNetwork::Type::kSimple);
  CHECK(network.ipv4->address.str() == "10.0.3.99");
  CHECK(network.ipv4->length == 24U);
  CHECK(network.ipv6->address.str() == "fd00:3::99");
  CHECK_FALSE(network.ipv6->length);
  CHECK(network.isolate);
  CHECK(network.dns.servers.at(0).str() == "192.0.2.53");
  CHECK(network.dns.search == std::vector<std::string>{"example.org"});
  CHECK(network.dns.options == std::vector<std::string>{"ndots:2"});
  REQUIRE(network.ports.size() == 4);
  CHECK(network.ports[0].host == 80);
  CHECK(network.ports[0].container == 5000);
  CHECK(network.ports[0].protocol == TargetPort::Protocol::kTcp);
  CHECK_FALSE(network.ports[0].wait);
  CHECK(network.ports[1].protocol == TargetPort::Protocol::kBoth);
  CHECK(network.ports[1].host_ip->str() == "127.0.0.1");
  CHECK(network.ports[1].wait == std::chrono::seconds(15));
  CHECK(network.ports[2].wait == std::chrono::seconds(2));
  CHECK_FALSE(network.ports[3].wait);
}

TEST_CASE("an empty address of a simple network asks for one of the pool", "[manifest]") {
  const auto network =
      good(version2("    network: {type: simple, ipv4: '', ipv6: ''}\n")).targets[0].network;
  CHECK_FALSE(network.ipv4);
  CHECK_FALSE(network.ipv6);
  CHECK(network.dns.from == TargetDns::From::kHost);
}

TEST_CASE("what is no network is refused", "[manifest]") {
  CHECK_THAT(first_problem(version2("    network: {type: bridge}\n")),
             Contains("unknown value 'bridge'"));
  CHECK_THAT(first_problem(version2("    network: {type: hos}\n")), Contains("'host'"));
  CHECK_THAT(first_problem(version2("    network: {}\n")), Contains("network.type: is missing"));
  CHECK_THAT(first_problem(version2("    network: {type: internal}\n")),
             Contains("'internal' is not supported by this mosb"));
  const std::string simple = "    network: {type: simple, ";
  for (const auto& [text, problem] : std::vector<std::pair<std::string, std::string>>{
           {"ipv4: 10.0.3.999}", "network.ipv4"},
           {"ipv4: 'fd00::1'}", "network.ipv4: 'fd00::1' is not of this family"},
           {"ipv6: 10.0.3.9}", "network.ipv6: '10.0.3.9' is not of this family"},
           {"ipv4: 10.0.3.9/33}", "network.ipv4"},
           {"ipv4: 10.0.3.9/}", "network.ipv4"},
           {"isolate: yes}", "network.isolate"},
           {"dns: both}", "network.dns"},
           {"dns: {servers: [a]}}", "network.dns.servers[0]"},
           {"dns: {servers: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4]}}", "servers: more than 3"},
           {"dns: {search: [\"a b\"]}}", "network.dns.search[0]: 'a b' is no domain"},
           {R"(dns: {search: ["a\nnameserver 6.6.6.6"]}})", "network.dns.search[0]"},
           {"dns: {options: [\"a b\"]}}", "network.dns.options[0]"},
           {"ports: [{host: 1, container: 2, protocol: sctp}]}", "'sctp' is not supported"},
           {"ports: [{host: 1, container: 2, host_ip: '::1'}]}", "'::1' cannot be forwarded"},
           {"ports: [{host: 1, container: 2, host_ip: 224.0.0.1}]}", "is no address of one host"},
           {"ports: [{host: 1, container: 2, host_ip: x}]}", "ports[0].host_ip"},
           {"ports: [{host: 1, container: 2, name: 'A'}]}", "ports[0].name"},
           {"ports: [{host: 1, container: 2, wait: soon}]}", "ports[0].wait"},
           {"ports: [{host: 1, container: 2, name: a}, {host: 2, container: 2, name: a}]}",
            "ports[1].name: 'a' stands twice"}}) {
    CAPTURE(text);
    CHECK_THAT(first_problem(version2(simple + text + "\n")), Contains(problem));
  }
  CHECK_THAT(first_problem(version2("    service_type: fs-only\n    network: {type: simple}\n")),
             Contains("only a container has a network of its own"));
}

TEST_CASE("two forwards of one port go together if no packet is meant for both", "[manifest]") {
  const std::string head = "    network: {type: simple, ports: [{host: 80, container: 1";
  for (const char* pair : {", protocol: udp}, {host: 80, container: 1}",
                           ", host_ip: 127.0.0.1}, {host: 80, container: 1, host_ip: 192.0.2.1}"}) {
    CAPTURE(pair);
    CHECK(problems_of(version2(head + pair + "]}\n")).empty());
  }
  for (const char* pair : {", protocol: both}, {host: 80, container: 1, protocol: udp}",
                           ", host_ip: 127.0.0.1}, {host: 80, container: 2}"}) {
    CAPTURE(pair);
    CHECK_THAT(first_problem(version2(head + pair + "]}\n")), Contains("stands twice"));
  }
}

TEST_CASE("addresses and ports do not go with the networks none and host", "[manifest]") {
  CHECK_THAT(first_problem(version2("    network: {type: host, ipv4: 10.0.3.9/24}\n")),
             Contains("network.ipv4: does not go with the network type 'host'"));
  CHECK_THAT(
      first_problem(version2("    network: {type: none, ports: [{host: 1, container: 2}]}\n")),
      Contains("network.ports: does not go with"));
}

TEST_CASE("ports are numbers from 1 to 65535 and a host port stands once", "[manifest]") {
  const std::string head = "    network: {type: simple, ports: [";
  for (const char* port : {"65536",
                           "0",
                           "-1",
                           "\"80\"",
                           "080",
                           "0x50",
                           "0o120",
                           "1e3",
                           "8_0",
                           "~",
                           "80:80",
                           "18446744073709551616",
                           ".inf",
                           "8.0",
                           "true"}) {
    CAPTURE(port);
    const auto problems = problems_of(version2(head + "{host: " + port + ", container: 1}]}\n"));
    REQUIRE(problems.size() == 1);
    CHECK_THAT(problems[0], Contains("ports[0].host: wants a decimal whole number"));
  }
  const auto twice =
      problems_of(version2(head + "{host: 80, container: 1},\n     {host: 80, container: 2}]}\n"));
  REQUIRE(twice.size() == 1);
  CHECK_THAT(twice[0],
             Contains("12:13: targets[0].network.ports[1].host: port 80 of the host "
                      "stands twice, first in line 11"));
}
