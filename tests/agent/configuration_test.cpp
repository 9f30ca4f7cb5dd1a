#include "mosb/agent/configuration.h"

#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "tests/support/must.h"

using mosb::Errc;
using mosb::agent::Configuration;
using mosb::agent::LayerPolicy;
using mosb::agent::Recheck;
namespace verity = mosb::verity;

TEST_CASE("an empty mapping gives the defaults", "[configuration]") {
  const auto parsed = Configuration::parse("{}\n", "mosb.yaml");
  REQUIRE(parsed);
  CHECK(parsed->local_scope == "local/mosb");
  CHECK(parsed->recheck == Recheck::kNever);
  CHECK_FALSE(parsed->allow_host_ids);
  CHECK(parsed->layers.device_nodes == LayerPolicy::Rule::kReport);
  CHECK(parsed->layers.set_id_files == LayerPolicy::Rule::kReport);
  CHECK(parsed->layers.file_capabilities == LayerPolicy::Rule::kReport);
  CHECK(parsed->registries.empty());
}

TEST_CASE("what layers may have is reported or refused, each by itself", "[configuration]") {
  for (const verity::FindingKind kind : {verity::FindingKind::kDeviceNodes,
                                         verity::FindingKind::kSetIdFiles,
                                         verity::FindingKind::kFileCapabilities}) {
    std::string field(verity::finding_name(kind));
    std::replace(field.begin(), field.end(), '-', '_');
    const auto parsed = Configuration::parse("policy: {" + field + ": refuse}\n", "mosb.yaml");
    REQUIRE(parsed);
    for (const verity::FindingKind found : {verity::FindingKind::kDeviceNodes,
                                            verity::FindingKind::kSetIdFiles,
                                            verity::FindingKind::kFileCapabilities}) {
      verity::LayerScan scan;
      scan.findings = {{found, 1, "/x"}};
      const auto judged = mosb::agent::check_policy(scan, parsed->layers);
      CHECK(judged.has_value() == (found != kind));
      if (!judged) {
        CHECK(judged.error().code() == Errc::kVerity);
        CHECK(judged.error().message().find("policy." + field) != std::string::npos);
      }
    }
    CHECK_FALSE(Configuration::parse("policy: {" + field + ": true}\n", "mosb.yaml"));
  }
}

TEST_CASE("registries, trust and policy are read", "[configuration]") {
  const auto parsed = Configuration::parse(R"(
registries:
  - host: registry.example:5000
    insecure: true
  - host: other.example
    ca: /etc/mosb/ca.pem
    username: robot
    password_file: /etc/mosb/robot
    trusted_realms: [auth.example]
trust: {notation_config: /etc/notation, local_scope: local/factory, recheck: daily}
policy: {allow_host_ids: true}
)",
                                           "mosb.yaml");
  REQUIRE(parsed);
  CHECK(parsed->registries.at("registry.example:5000").insecure);
  CHECK(parsed->registries.at("other.example").ca_file == "/etc/mosb/ca.pem");
  CHECK(parsed->registries.at("other.example").trusted_realms.front() == "auth.example");
  CHECK(parsed->notation_config == "/etc/notation");
  CHECK(parsed->local_scope == "local/factory");
  CHECK(parsed->recheck == Recheck::kDaily);
  CHECK(parsed->allow_host_ids);
}

TEST_CASE("an unknown key in mosb.yaml is refused with line, column and the nearest name",
          "[configuration]") {
  const auto parsed = Configuration::parse("polcy: {allow_host_ids: true}\n", "mosb.yaml");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::kManifest);
  CHECK(parsed.error().message().find("mosb.yaml:1:1") != std::string::npos);
  CHECK(parsed.error().message().find("policy") != std::string::npos);
}

TEST_CASE("a bridge has a name, networks, and perhaps a firewall to adjust", "[configuration]") {
  const auto parsed = Configuration::parse(
      "bridge: {name: br-own, subnet: 10.9.0.0/16, subnet6: 'fd00:9::/64', adjust_firewall: "
      "true}\n",
      "mosb.yaml");
  REQUIRE(parsed);
  CHECK(parsed->bridge.name == "br-own");
  CHECK(parsed->bridge.subnet->str() == "10.9.0.0/16");
  CHECK(parsed->bridge.subnet6->str() == "fd00:9::/64");
  CHECK(parsed->bridge.adjust_firewall);
  const auto none = Configuration::parse("{}", "mosb.yaml");
  REQUIRE(none);
  CHECK(none->bridge.name == "lxcbr0");
  CHECK_FALSE(none->bridge.subnet);
  CHECK_FALSE(none->bridge.adjust_firewall);
}

TEST_CASE("a bridge whose name or network cannot be is refused", "[configuration]") {
  for (const char* bridge : {"name: ''",
                             "name: a-name-that-is-too-long",
                             "name: 'br0;'",
                             "name: '../br'",
                             R"(name: "br0\n")",
                             "name: 0br",
                             "subnet: 10.9.0.1/24",
                             "subnet: 10.9.0.0",
                             "subnet: 0.0.0.0/0",
                             "subnet: 10.9.0.0/30",
                             "subnet: 10.9.0.0/33",
                             "subnet: 'fd00::/64'",
                             "subnet6: 10.9.0.0/24",
                             "subnet6: 'fd00::/120'",
                             "adjust_firewall: yes",
                             "nmae: br0"}) {
    CAPTURE(bridge);
    const auto parsed =
        Configuration::parse("bridge: {" + std::string(bridge) + "}\n", "mosb.yaml");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kManifest);
    CHECK(parsed.error().message().find("bridge") != std::string::npos);
  }
}

TEST_CASE("a setting that this mosb does not have is refused by name", "[configuration]") {
  const auto parsed = Configuration::parse("proxy: {http: x}\n", "mosb.yaml");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().message().find("proxy") != std::string::npos);
  CHECK(parsed.error().message().find("not supported") != std::string::npos);
}

TEST_CASE("the verifier is auto unless the configuration says dm or fuse", "[configuration]") {
  const auto verifier = [](const std::string& text) {
    return must(Configuration::parse(text, "mosb.yaml")).verifier;
  };
  CHECK(verifier("policy: {}\n") == mosb::verity::Verifier::kAuto);
  CHECK(verifier("verifier: auto\n") == mosb::verity::Verifier::kAuto);
  CHECK(verifier("verifier: fuse\n") == mosb::verity::Verifier::kFuse);
  CHECK(verifier("verifier: dm\n") == mosb::verity::Verifier::kDm);
  const auto parsed = Configuration::parse("verifier: none\n", "mosb.yaml");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::kManifest);
}

TEST_CASE("root hashes are signed if the kernel demands it unless the configuration says more",
          "[configuration]") {
  using mosb::verity::RootHashSignatures;
  const auto signatures = [](const std::string& text) {
    return must(Configuration::parse(text, "mosb.yaml")).layers.root_hash_signatures;
  };
  CHECK(signatures("policy: {}\n") == RootHashSignatures::kIfDemanded);
  CHECK(signatures("policy: {root_hash_signature: if-demanded}\n") ==
        RootHashSignatures::kIfDemanded);
  CHECK(signatures("policy: {root_hash_signature: if-present}\n") ==
        RootHashSignatures::kIfPresent);
  CHECK(signatures("policy: {root_hash_signature: required}\n") == RootHashSignatures::kRequired);
  for (const char* word : {"never", "true", "Required", "''"}) {
    const auto parsed = Configuration::parse(
        std::string("policy: {root_hash_signature: ") + word + "}\n", "mosb.yaml");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kManifest);
  }
}

TEST_CASE("a registry named twice is refused", "[configuration]") {
  const auto parsed =
      Configuration::parse("registries: [{host: a.example}, {host: a.example}]\n", "mosb.yaml");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().message().find("twice") != std::string::npos);
}

TEST_CASE("a registry's mirrors are read in their order", "[configuration]") {
  const auto parsed = Configuration::parse(R"(
registries:
  - host: registry.example
    mirrors: [mirror.example:5000/proxy/hub, 10.0.0.5]
  - host: 10.0.0.5
    insecure: true
)",
                                           "mosb.yaml");
  REQUIRE(parsed);
  const auto& mirrors = parsed->registries.at("registry.example").mirrors;
  REQUIRE(mirrors.size() == 2);
  CHECK(mirrors[0].host == "mirror.example:5000");
  CHECK(mirrors[0].prefix == "proxy/hub");
  CHECK(mirrors[1].str() == "10.0.0.5");
  CHECK(parsed->registries.at("10.0.0.5").mirrors.empty());
}

TEST_CASE("what cannot be a mirror is refused by name", "[configuration]") {
  for (const std::string mirrors : {"[http://mirror.example]",
                                    "[mirror.example/]",
                                    "[mirror.example/UPPER]",
                                    "['']",
                                    "mirror.example",
                                    "[registry.example]",
                                    "[a.example, a.example]",
                                    "[a.b, b.b, c.b, d.b, e.b, f.b, g.b, h.b, i.b]"}) {
    INFO(mirrors);
    const auto parsed = Configuration::parse(
        "registries: [{host: registry.example, mirrors: " + mirrors + "}]\n", "mosb.yaml");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kManifest);
    CHECK(parsed.error().message().find("mirrors") != std::string::npos);
  }
}
