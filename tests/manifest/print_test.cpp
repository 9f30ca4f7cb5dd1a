#include <string>

#include <catch2/catch.hpp>

#include "mosb/manifest/manifest.h"
#include "samples.h"

using mosb::manifest::check;
using mosb::manifest::print;
using mosb::manifest::test::version2;

TEST_CASE("what is printed parses to the same manifest and prints alike", "[manifest]") {
  for (const std::string& text :
       {std::string("version: 1\nproduct: p\nstorage: [{label: a, size: 7, nsgroup: g}]\ntargets:\n"
                    "- {service_name: a, source: 'oci:/x:1', version: '1', network: {type: host}}\n"
                    "- {service_name: b, source: 'oci:/x:1', version: 'yes', network: {type: none},"
                    " service_type: fs-only, nsgroup: g, size: 0}\n"),
        version2(""),
        version2("    entrypoint: []\n    args: [\"a\\nb\", \"\"]\n"
                 "    environment: {A: \"\\ud7ff\\\"\\\\\\n\", B: , C: \"\\x7f\\u2028\\x1b\"}\n"
                 "    user: 0:0000001\n    working_dir: /\n    hostname: h\n"
                 "    stop: {signal: SIGRTMIN+3, grace_period: 90s}\n"
                 "    resources: {memory: 1234K, cpu: 1.5, pids: 1}\n"
                 "    storage: [{dest: /d, label: data, readonly: true}]\n"),
        version2("    rootfs: {readonly: false}\n    stop: {grace_period: 0s}\n"
                 "    resources: {memory: 3GiB}\n    nsgroup: none\n"),
        version2(
            "    network: {type: simple, ipv4: 10.0.3.99/24, ipv6: 'fd00::1', isolate: true,"
            " dns: {servers: [192.0.2.1], search: [a.b], options: [rotate]}, ports: ["
            "{host: 80, container: 5000}, {host: 53, container: 53, protocol: both, name: d,"
            " host_ip: 127.0.0.1, wait: 90s}, {host: 54, container: 1, name: e, wait: none}]}\n"),
        version2("    network: {type: simple, dns: none}\n"),
        version2("    network: {type: simple, dns: {search: [a]}}\n"),
        version2("    service_type: fs-only\n")}) {
    CAPTURE(text);
    const auto first = check(text);
    for (const auto& problem : first.problems) {
      UNSCOPED_INFO(to_string(problem));
    }
    REQUIRE(first.manifest);
    const std::string printed = print(*first.manifest);
    CAPTURE(printed);
    const auto second = check(printed);
    for (const auto& problem : second.problems) {
      UNSCOPED_INFO(to_string(problem));
    }
    REQUIRE(second.manifest);
    CHECK(*second.manifest == *first.manifest);
    CHECK(print(*second.manifest) == printed);
  }
}
