#include <chrono>
#include <csignal>
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

namespace {

constexpr char kMosManifest[] = R"(version: 1
product: de6c82c5-2e01-4c92-949b-a6545d30fc06
update_type: complete
storage:
  - label: zot-data
    persistent: true
    nsgroup: zot
    size: 30G
  - label: scratch
    size: 512
targets:
  - service_name: hostfs
    source: docker://zothub.io/machine/bootkit/demo-target-rootfs:0.0.19-squashfs
    version: 1.0.0
    service_type: hostfs
    nsgroup: none
    network:
      type: host
      ipv4: ""
      ports: []
  - service_name: zot
    source: docker://zothub.io/machine/bootkit/demo-zot:0.0.4-squashfs
    version: 1.0
    service_type: container
    nsgroup: zot
    network:
      type: simple
      ipv4: 10.0.3.99/24
      ipv6: ""
      ports:
        - host: 80
          container: 5000
    storage:
      - dest: /zot
        label: zot-data
    digest: sha256:3f7fe7839527f97a351e3e7790cfa42f85ff89a8b5dfab699812feeddd1c7c04
    size: 7290
)";

}  // namespace

TEST_CASE("a manifest of mos means what it means to mos", "[manifest]") {
  const Manifest manifest = good(kMosManifest);
  CHECK(manifest.version == 1);
  CHECK(manifest.product == "de6c82c5-2e01-4c92-949b-a6545d30fc06");
  CHECK(manifest.update_type == UpdateType::kComplete);
  REQUIRE(manifest.storage.size() == 2);
  CHECK(manifest.storage[0].persistent);
  CHECK(manifest.storage[0].nsgroup == "zot");
  CHECK(manifest.storage[0].size->value == 30'000'000'000);
  CHECK(manifest.storage[1].size->value == 512 * mosb::kMiB);
  CHECK_FALSE(manifest.storage[1].persistent);
  REQUIRE(manifest.targets.size() == 2);
  CHECK(manifest.targets[0].service_type == ServiceType::kHostfs);
  CHECK(manifest.targets[0].nsgroup == std::nullopt);
  CHECK(manifest.targets[0].network.type == TargetNetwork::Type::kHost);
  const Target& zot = manifest.targets[1];
  CHECK(zot.version == "1.0");
  CHECK(zot.nsgroup == "zot");
  CHECK(zot.network.type == TargetNetwork::Type::kSimple);
  CHECK(zot.network.ipv4->address.str() == "10.0.3.99");
  CHECK_FALSE(zot.network.ipv6);
  REQUIRE(zot.network.ports.size() == 1);
  CHECK(zot.network.ports[0].host == 80);
  CHECK(zot.network.ports[0].container == 5000);
  CHECK(zot.storage == std::vector<StorageMount>{{"/zot", "zot-data", false}});
  CHECK(zot.digest->hex() == "3f7fe7839527f97a351e3e7790cfa42f85ff89a8b5dfab699812feeddd1c7c04");
  CHECK(zot.size == 7290U);
  CHECK_FALSE(zot.rootfs_readonly);
}

TEST_CASE("version 1 has mos's defaults", "[manifest]") {
  const Manifest manifest = good(
      "version: 1\nproduct: p\ntargets:\n"
      "- {service_name: a, source: 'oci:/x:1', version: v, network: {type: none}}\n");
  CHECK(manifest.update_type == UpdateType::kPartial);
  CHECK(manifest.targets[0].service_type == ServiceType::kContainer);
  CHECK(manifest.targets[0].nsgroup == std::nullopt);
  CHECK_THAT(first_problem("version: 1\nproduct: p\ntargets:\n"
                           "- {service_name: a, source: 'oci:/x:1', version: v}\n"),
             Contains("4:3: targets[0].network: is missing"));
}

TEST_CASE("version 2 has safe defaults and asks for the update type", "[manifest]") {
  const Manifest manifest = good(version2(""));
  const Target& web = manifest.targets[0];
  CHECK(web.network.type == TargetNetwork::Type::kNone);
  CHECK(web.nsgroup == "web");
  CHECK(web.rootfs_readonly);
  CHECK(web.entrypoint == std::nullopt);
  CHECK(good(version2("    nsgroup: none\n")).targets[0].nsgroup == std::nullopt);
  CHECK(good(version2("    nsgroup: \"\"\n")).targets[0].nsgroup == std::nullopt);
  CHECK_THAT(first_problem("version: 2\nproduct: p\ntargets: []\n"),
             Contains("update_type: is missing"));
}

TEST_CASE("every field of version 2 that exists is read", "[manifest]") {
  const Manifest manifest = good("x-team: [anything, {at: all}]\n" +
                                 version2("    entrypoint: [/bin/sh, -c]\n"
                                          "    args:\n"
                                          "      - |\n"
                                          "        echo one\n"
                                          "        echo two\n"
                                          "      - \"\"\n"
                                          "    environment:\n"
                                          "      PEM: \"-----BEGIN\\nx\\n\"\n"
                                          "      PORT: 8080\n"
                                          "      GONE:\n"
                                          "      x-lower: kept\n"
                                          "    user: www-data:1000\n"
                                          "    working_dir: /srv\n"
                                          "    hostname: web-1\n"
                                          "    stop: {signal: SIGINT, grace_period: 1m30s}\n"
                                          "    rootfs: {readonly: false}\n"
                                          "    resources: {memory: 128M, cpu: 0.75, pids: 512}\n"
                                          "    network: {type: host}\n"
                                          "    x-note: free\n"
                                          "    storage:\n"
                                          "      - {dest: /a, label: data, readonly: true}\n"
                                          "      - {dest: /ab, label: more}\n"));
  const Target& web = manifest.targets[0];
  CHECK(web.entrypoint == std::vector<std::string>{"/bin/sh", "-c"});
  CHECK(web.args == std::vector<std::string>{"echo one\necho two\n", ""});
  CHECK(web.environment ==
        std::map<std::string, std::optional<std::string>>{{"PEM", "-----BEGIN\nx\n"},
                                                          {"PORT", "8080"},
                                                          {"GONE", std::nullopt},
                                                          {"x-lower", "kept"}});
  CHECK(web.user == "www-data:1000");
  CHECK(web.working_dir == "/srv");
  CHECK(web.hostname == "web-1");
  CHECK(web.stop_signal == SIGINT);
  CHECK(web.stop_grace_period == std::chrono::seconds(90));
  CHECK_FALSE(web.rootfs_readonly);
  CHECK(web.resources.memory->value == 128'000'000);
  CHECK(web.resources.cpu_millis == 750U);
  CHECK(web.resources.pids == 512U);
  CHECK(web.network.type == TargetNetwork::Type::kHost);
  CHECK(web.storage[0].readonly);
}

TEST_CASE("an unknown field is refused with its place and the nearest name", "[manifest]") {
  CHECK(first_problem(version2("    netwrok: {type: none}\n")) ==
        "11:5: targets[0].netwrok: unknown field 'netwrok'; did you mean 'network'?");
  CHECK(first_problem(
            "version: 1\nproduct: p\nstorage:\n- label: a\n  persistant: true\ntargets: []\n") ==
        "5:3: storage[0].persistant: unknown field 'persistant'; did you mean 'persistent'?");
  CHECK(first_problem(version2("    zzzzzzzzzz: 1\n")) ==
        "11:5: targets[0].zzzzzzzzzz: unknown field 'zzzzzzzzzz'");
  CHECK_THAT(first_problem(version2("    Source: x\n")), Contains("did you mean 'source'?"));
}

TEST_CASE("a field of the format that is not built yet is refused by name", "[manifest]") {
  CHECK(first_problem(version2("    secrets: [db]\n")) ==
        "11:5: targets[0].secrets: field 'secrets' is not supported by this mosb");
  for (const char* field : {"depends_on",
                            "ready",
                            "healthcheck",
                            "restart",
                            "files",
                            "inject",
                            "tmpfs",
                            "security",
                            "vm",
                            "logging",
                            "mounts",
                            "devices",
                            "pod"}) {
    CAPTURE(field);
    CHECK_THAT(first_problem(version2("    " + std::string(field) + ": {}\n")),
               Contains("is not supported by this mosb"));
  }
  for (const char* field : {"secrets",
                            "policy",
                            "trust",
                            "registries",
                            "parameters",
                            "files",
                            "networks",
                            "release",
                            "expires",
                            "defaults",
                            "attestation",
                            "strict",
                            "seal"}) {
    CAPTURE(field);
    CHECK_THAT(first_problem(std::string(field) + ": {}\n" + version2("")),
               Contains("1:1: " + std::string(field) + ": field '" + field +
                        "' is not supported by this mosb"));
  }
  CHECK_THAT(first_problem(version2("    rootfs: {writable: tmpfs}\n")),
             Contains("targets[0].rootfs.writable"));
  CHECK_THAT(first_problem(version2("    resources: {swap: 0}\n")), Contains("resources.swap"));
  CHECK_THAT(first_problem(version2("    service_type: job\n")),
             Contains("11:19: targets[0].service_type: 'job' is not supported by this mosb"));
}

TEST_CASE("a volume's group other than that of the services which mount it is refused",
          "[manifest]") {
  const auto with_groups = [](const std::string& volume, const std::string& service) {
    return "version: 1\nproduct: p\nstorage: [{label: data, nsgroup: " + volume +
           "}, {label: idle, nsgroup: other}]\ntargets:\n"
           "- {service_name: a, source: 'oci:/x:1', version: v, network: {type: none}, nsgroup: " +
           service + ",\n   storage: [{dest: /d, label: data}]}\n";
  };
  CHECK(first_problem(with_groups("g", "g")) == "no problem");
  CHECK(first_problem(with_groups("none", "g")) == "no problem");
  CHECK_THAT(first_problem(with_groups("g", "h")),
             Contains("6:32: targets[0].storage[0].label: field 'nsgroup' of volume 'data' names "
                      "'g', not the service's group 'h': this is not supported by this mosb"));
  CHECK_THAT(first_problem(with_groups("g", "none")), Contains("not supported by this mosb"));
}

TEST_CASE("fields of version 2 are refused in version 1", "[manifest]") {
  const std::string text =
      "version: 1\nproduct: p\ntargets:\n"
      "- service_name: a\n  source: oci:/x:1\n  version: v\n  network: {type: none}\n"
      "  entrypoint: [x]\n  user: x\n";
  const auto problems = problems_of(text);
  REQUIRE(problems.size() == 2);
  CHECK(problems[0] == "8:3: targets[0].entrypoint: field 'entrypoint' needs 'version: 2'");
  CHECK(problems[1] == "9:3: targets[0].user: field 'user' needs 'version: 2'");
}

TEST_CASE("versions other than 1 and 2 are refused", "[manifest]") {
  for (const char* version : {"0", "3", "\"1\"", "1.0", "01", "~", "one", "[1]"}) {
    CAPTURE(version);
    CHECK_THAT(first_problem("version: " + std::string(version) +
                             "\nproduct: p\nupdate_type: partial\ntargets: []\n"),
               Contains("1:10: version: wants a decimal whole number from 1 to 2"));
  }
  CHECK_THAT(first_problem("product: p\nupdate_type: partial\ntargets: []\n"),
             Contains("version: is missing"));
}

TEST_CASE("text that readers of YAML differ on must be quoted", "[manifest]") {
  for (const char* value : {"yes",
                            "No",
                            "on",
                            "OFF",
                            "true",
                            "0777",
                            "0o17",
                            "0x1F",
                            "1_000",
                            "1e3",
                            ".inf",
                            "-.INF",
                            "12:30",
                            "1:1",
                            "+0x1"}) {
    CAPTURE(value);
    const std::string line = "    environment: {A: " + std::string(value) + "}\n";
    CHECK_THAT(first_problem(version2(line)), Contains("write it in quotes"));
    CHECK(problems_of(version2("    environment: {A: '" + std::string(value) + "'}\n")).empty());
  }
  for (const char* value : {"8080",
                            "1.0",
                            "-5",
                            "2.4.1",
                            "a:b",
                            "1000:1000",
                            "0.5",
                            "0",
                            "e3",
                            "http://x/y",
                            "note",
                            "v1_0"}) {
    CAPTURE(value);
    CHECK(good(version2("    environment: {A: " + std::string(value) + "}\n"))
              .targets[0]
              .environment.at("A") == value);
  }
}

TEST_CASE("booleans are true and false only", "[manifest]") {
  for (const char* value : {"yes", "on", "True", "1", "\"true\"", "~"}) {
    CAPTURE(value);
    CHECK_THAT(first_problem(version2("    rootfs: {readonly: " + std::string(value) + "}\n")),
               Contains("rootfs.readonly: wants true or false"));
  }
}

TEST_CASE("NUL is refused everywhere and newlines where they could forge a line", "[manifest]") {
  CHECK_THAT(first_problem(version2("    environment: {A: \"x\\0y\"}\n")), Contains("NUL"));
  CHECK_THAT(first_problem(version2("    args: [\"x\\0y\"]\n")), Contains("args[0]: has a NUL"));
  CHECK_THAT(first_problem(version2("    hostname: \"a\\nlxc.hook.pre-start = x\"\n")),
             Contains("11:15: targets[0].hostname: 'a\\x0alxc.hook"));
  CHECK_THAT(first_problem(version2("    working_dir: \"/a\\nb\"\n")), Contains("working_dir"));
  CHECK_THAT(first_problem(version2("    user: \"a\\nb\"\n")), Contains("user"));
  CHECK_THAT(first_problem(version2("    nsgroup: \"a\\nb\"\n")), Contains("nsgroup"));
  CHECK_THAT(first_problem(version2("    environment: {\"A\\nB\": x}\n")), Contains("variable"));
  CHECK_THAT(first_problem(version2("    storage: [{dest: \"/a\\nb\", label: data}]\n")),
             Contains("11:22: targets[0].storage[0].dest"));
  CHECK_THAT(first_problem("version: 1\nproduct: p\nstorage: [{label: \"a\\nb\"}]\ntargets: []\n"),
             Contains("3:19: storage[0].label"));
  CHECK_THAT(first_problem("version: 1\nproduct: p\ntargets:\n- service_name: \"a\\nb\"\n"
                           "  source: oci:/x:1\n  version: v\n  network: {type: none}\n"),
             Contains("4:17: targets[0].service_name"));
  CHECK_THAT(first_problem("version: 1\nproduct: \"p\\nq\"\ntargets: []\n"),
             Contains("2:10: product"));
}

TEST_CASE("names, labels and destinations stand once, and a label has its volume", "[manifest]") {
  CHECK(first_problem(
            "version: 1\nproduct: p\ntargets:\n"
            "- {service_name: a, source: 'oci:/x:1', version: v, network: {type: none}}\n"
            "- {service_name: a, source: 'oci:/x:1', version: v, network: {type: none}}\n") ==
        "5:18: targets[1].service_name: service name 'a' stands twice, first in line 4");
  CHECK_THAT(
      first_problem("version: 1\nproduct: p\nstorage: [{label: a}, {label: a}]\ntargets: []\n"),
      Contains("storage[1].label: label 'a' stands twice"));
  CHECK(first_problem(version2("    storage: [{dest: /x, label: dta}]\n")) ==
        "11:33: targets[0].storage[0].label: no volume of the manifest's storage has the label "
        "'dta'; did you mean 'data'?");
  CHECK_THAT(
      first_problem(version2("    storage: [{dest: /x, label: data}, {dest: /x, label: more}]\n")),
      Contains("storage[1].dest: '/x' stands twice"));
  CHECK_THAT(first_problem(
                 version2("    storage: [{dest: /x, label: data}, {dest: /x/y, label: more}]\n")),
             Contains("storage[1].dest: '/x/y' and '/x' lie in each other"));
}

TEST_CASE("what only a container can have is refused elsewhere", "[manifest]") {
  for (const char* field : {"entrypoint: [x]",
                            "environment: {A: b}",
                            "user: root",
                            "resources: {pids: 1}",
                            "storage: [{dest: /x, label: data}]"}) {
    CAPTURE(field);
    CHECK_THAT(
        first_problem(version2("    service_type: fs-only\n    " + std::string(field) + "\n")),
        Contains("does not go with the service type 'fs-only'"));
  }
  CHECK(problems_of(version2("    service_type: fs-only\n    storage: []\n")).empty());
  CHECK_THAT(first_problem("version: 1\nproduct: p\ntargets:\n- service_name: hostfs\n"
                           "  source: oci:/x:1\n  version: v\n  network: {type: none}\n"),
             Contains("'hostfs' is reserved"));
}

TEST_CASE("sizes, processors, durations and times are strict", "[manifest]") {
  for (const char* bad :
       {"128", "0M", "-1M", "1.5G", "128 M", "128m", "10Q", "99999999999T", "\"\""}) {
    CAPTURE(bad);
    CHECK_THAT(first_problem(version2("    resources: {memory: " + std::string(bad) + "}\n")),
               Contains("resources.memory"));
  }
  for (const auto& [text, millis] :
       std::vector<std::pair<std::string, unsigned>>{{"2", 2000},
                                                     {"0.5", 500},
                                                     {"750m", 750},
                                                     {"1.25", 1250},
                                                     {"0.001", 1},
                                                     {"1024", 1024000}}) {
    CHECK(good(version2("    resources: {cpu: " + text + "}\n")).targets[0].resources.cpu_millis ==
          millis);
  }
  for (const char* bad : {"0", "0.0", "-1", "1.", ".5", "1.0001", "1025", "m", "1.5m", "two"}) {
    CAPTURE(bad);
    CHECK_THAT(first_problem(version2("    resources: {cpu: " + std::string(bad) + "}\n")),
               Contains("resources.cpu"));
  }
  CHECK_THAT(first_problem(version2("    stop: {grace_period: 10}\n")), Contains("grace_period"));
  CHECK_THAT(first_problem(version2("    stop: {signal: SIGFOO}\n")), Contains("stop.signal"));
  CHECK_THAT(first_problem("version: 1\nproduct: p\nstorage: [{label: a, size: 0}]\ntargets: []\n"),
             Contains("storage[0].size"));
  CHECK_THAT(
      first_problem("version: 1\nproduct: p\nstorage: [{label: a, size: 0777}]\ntargets: []\n"),
      Contains("storage[0].size"));
}

TEST_CASE("a source must be an image reference with a host", "[manifest]") {
  CHECK_THAT(first_problem("version: 1\nproduct: p\ntargets:\n"
                           "- {service_name: a, source: web, version: v, network: {type: none}}\n"),
             Contains("4:29: targets[0].source"));
  CHECK_THAT(first_problem("version: 1\nproduct: p\ntargets:\n"
                           "- {service_name: a, version: v, network: {type: none}}\n"),
             Contains("targets[0].source: is missing"));
  const std::string in_store = "sha256:" + std::string(64, 'a');
  CHECK_THAT(first_problem("version: 1\nproduct: p\ntargets:\n- {service_name: a, source: '" +
                           in_store + "', version: v, network: {type: none}}\n"),
             Contains("4:29: targets[0].source: '" + in_store + "' names no place"));
}

TEST_CASE("check lists every problem once, in the order of the text", "[manifest]") {
  const auto problems = problems_of(
      "version: 2\nupdate_type: total\nprodct: x\ntargets:\n- service_name: A\n  size: big\n");
  REQUIRE(problems.size() == 7);
  CHECK_THAT(problems[0], Contains("1:1: product: is missing"));
  CHECK_THAT(problems[1], Contains("2:14: update_type: unknown value 'total'"));
  CHECK_THAT(problems[2], Contains("3:1: prodct: unknown field 'prodct'; did you mean 'product'?"));
  CHECK_THAT(problems[3], Contains("5:3: targets[0].source: is missing"));
  CHECK_THAT(problems[4], Contains("5:3: targets[0].version: is missing"));
  CHECK_THAT(problems[5], Contains("5:17: targets[0].service_name"));
  CHECK_THAT(problems[6], Contains("6:9: targets[0].size"));
}

TEST_CASE("parse gives the first problem, its place and the number of others", "[manifest]") {
  const auto one = parse("version: 1\nproduct: p\n", "m.yaml");
  REQUIRE_FALSE(one);
  CHECK(one.error().code() == mosb::Errc::kManifest);
  CHECK(one.error().message() == "m.yaml:1:1: targets: is missing");
  const auto more = parse("version: 1\n", "m.yaml");
  REQUIRE_FALSE(more);
  CHECK(more.error().message() == "m.yaml:1:1: product: is missing (and 1 more)");
  CHECK(more.error().hint() == "'mosb check' lists every problem");
}

TEST_CASE("a document that is no mapping is refused", "[manifest]") {
  for (const char* text : {"x\n", "- a\n", "~\n", "[]", "[{}]", "42", "\"version: 1\""}) {
    CAPTURE(text);
    CHECK_THAT(first_problem(text), Contains("wants a mapping"));
  }
  CHECK_THAT(first_problem("version: 1\nproduct: p\ntargets: {a: b}\n"),
             Contains("targets: wants a list"));
  CHECK_THAT(first_problem("version: 1\nproduct: p\ntargets: [x]\n"),
             Contains("targets[0]: wants a mapping"));
}
