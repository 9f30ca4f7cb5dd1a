#include "mosb/agent/applied_state.h"

#include <catch2/catch.hpp>

#include "mosb/base/temp_dir.h"

using namespace mosb;
using namespace mosb::agent;

namespace {

AppliedState sample() {
  const auto parsed = manifest::parse(R"(
version: 2
product: p
update_type: complete
storage: [{label: data, persistent: true}]
targets:
  - service_name: web
    version: "1"
    source: oci:/images:web
    environment: {PEM: "line 1\nline 2\n"}
    storage: [{dest: /data, label: data}]
)",
                                      "m.yaml");
  REQUIRE(parsed);
  AppliedState state;
  state.product = "p";
  state.notation_config = "/etc/notation";
  state.services.emplace("web",
                         AppliedService{*parsed,
                                        ServiceImage{"oci:/images:web",
                                                     "local/mosb",
                                                     Digest::of("image"),
                                                     "verified",
                                                     "local",
                                                     "CN=signer",
                                                     false,
                                                     SystemTime(std::chrono::hours(100)),
                                                     SystemTime(std::chrono::hours(200))},
                                        true});
  return state;
}

}  // namespace

TEST_CASE("a state that is printed and read again is the same", "[state]") {
  const AppliedState state = sample();
  const auto again = parse_applied_state(print(state));
  REQUIRE(again);
  CHECK(print(*again) == print(state));
  CHECK(again->services.at("web").image == state.services.at("web").image);
  CHECK(again->services.at("web").stopped);
  CHECK(again->services.at("web").manifest == state.services.at("web").manifest);
}

TEST_CASE("a state with any one byte changed is refused as damaged", "[state]") {
  const std::string good = print(sample());
  for (std::size_t i = 0; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    const auto parsed = parse_applied_state(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kState);
  }
}

TEST_CASE("a state cut off anywhere is refused as damaged", "[state]") {
  const std::string good = print(sample());
  for (std::size_t size = 0; size < good.size(); size += 5) {
    const auto parsed = parse_applied_state(std::string_view(good).substr(0, size));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::kState);
  }
}

TEST_CASE("the state of a newer mosb is refused as such", "[state]") {
  const auto parsed = parse_applied_state("mosb-state 2 abc\n{}");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::kState);
  CHECK(parsed.error().message().find("newer") != std::string::npos);
}

TEST_CASE("saving counts the generation up, and only when something changed", "[state]") {
  const auto dir = TempDir::make("/tmp", "mosb-state-test-");
  REQUIRE(dir);
  const Paths paths(dir->path());
  REQUIRE(::system(("mkdir -p " + paths.state()).c_str()) == 0);
  REQUIRE(save_applied_state(paths, sample()));
  REQUIRE(save_applied_state(paths, sample()));
  const auto loaded = load_applied_state(paths);
  REQUIRE(loaded);
  CHECK(loaded->generation == 1);
  AppliedState changed = *loaded;
  changed.services.at("web").stopped = false;
  REQUIRE(save_applied_state(paths, changed));
  CHECK(load_applied_state(paths)->generation == 2);
}

TEST_CASE("what judging an image anew found is kept with its service", "[state]") {
  for (const auto kind : {RecheckFinding::Kind::kRefused, RecheckFinding::Kind::kUndetermined}) {
    AppliedState state = sample();
    const RecheckFinding finding{kind, "certificate 'CN=x' is revoked", SystemTime()};
    state.services.at("web").finding = finding;
    const auto again = parse_applied_state(print(state));
    REQUIRE(again);
    CHECK(again->services.at("web").finding == finding);
  }
  AppliedState state = sample();
  CHECK_FALSE(parse_applied_state(print(state))->services.at("web").finding);
  const Json odd{{"outcome", "perhaps"}, {"reason", ""}, {"at", "2026-11-22T00:00:00Z"}};
  CHECK_FALSE(parse_recheck_finding(odd));
  CHECK_FALSE(parse_recheck_finding(Json::object()));
}
