#include "mosb/agent/reconcile.h"

#include <catch2/catch.hpp>

using namespace mosb;
using namespace mosb::agent;

namespace {

ServiceSpec spec_named(const std::string& name) {
  ServiceSpec spec;
  spec.name = name;
  spec.fingerprint = "0123456789abcdef";
  return spec;
}

ServiceFacts running(const ServiceSpec& spec) {
  ServiceFacts facts;
  facts.record = ServiceRecord{spec.fingerprint, 15, std::chrono::milliseconds(10)};
  facts.container.state = lxc::RunState::kRunning;
  facts.container.init_pid = 42;
  facts.leftovers = true;
  return facts;
}

ServiceView view_of(const ServiceSpec& spec, const ServiceFacts& facts, bool mounted) {
  return ServiceView{.spec = spec,
                     .facts = facts,
                     .mounted = mounted,
                     .missing_layers = 0,
                     .damaged_layers = 0,
                     .missing_bytes = {},
                     .new_volumes = {},
                     .image_ref = "oci:/i:t"};
}

}  // namespace

TEST_CASE("a service that runs as it should needs nothing", "[reconcile]") {
  const ServiceSpec spec = spec_named("web");
  const ServiceFacts facts = running(spec);
  CHECK(change_for(view_of(spec, facts, true)) == ServiceChange{});
  CHECK(steps_for(view_of(spec, facts, true)).empty());
}

TEST_CASE("a service that does not exist is mounted and started, nothing is stopped",
          "[reconcile]") {
  const ServiceSpec spec = spec_named("web");
  const ServiceFacts none;
  CHECK(change_for(view_of(spec, none, false)) == ServiceChange{true, false, true});
}

TEST_CASE("a mount that went away under a running service is made again without a restart",
          "[reconcile]") {
  const ServiceSpec spec = spec_named("web");
  const ServiceFacts facts = running(spec);
  CHECK(change_for(view_of(spec, facts, false)) == ServiceChange{true, false, false});
}

TEST_CASE("a service that runs another specification is restarted", "[reconcile]") {
  const ServiceSpec spec = spec_named("web");
  ServiceFacts facts = running(spec);
  facts.record->fingerprint = "ffffffffffffffff";
  CHECK(change_for(view_of(spec, facts, true)) == ServiceChange{true, true, true});
  const auto steps = steps_for(view_of(spec, facts, true));
  CHECK(steps.back().action == "restart");
}

TEST_CASE("a service that runs without a record of what it runs is restarted", "[reconcile]") {
  const ServiceSpec spec = spec_named("web");
  ServiceFacts facts = running(spec);
  facts.record.reset();
  CHECK(change_for(view_of(spec, facts, true)) == ServiceChange{true, true, true});
}

TEST_CASE("a service that ended is started again and the plan says how it ended", "[reconcile]") {
  const ServiceSpec spec = spec_named("web");
  ServiceFacts facts = running(spec);
  facts.container.state = lxc::RunState::kExited;
  facts.container.last_exit = lxc::ContainerFacts::Exit{};
  facts.container.last_exit->code = 7;
  CHECK(change_for(view_of(spec, facts, true)) == ServiceChange{true, true, true});
  const auto steps = steps_for(view_of(spec, facts, true));
  CHECK(steps.back() == Step{"start", "web", "ended with status 7"});
}

TEST_CASE("a service with a corrupt layer is started anew from a fresh mount", "[reconcile]") {
  const ServiceSpec spec = spec_named("web");
  ServiceFacts facts = running(spec);
  verity::MountState mount;
  mount.layers.push_back(
      {Digest::of("layer"), verity::RootHash(Sha256{}), "/dev/loop0", true, "corrupt block 3"});
  facts.mounts.push_back(mount);
  CHECK(change_for(view_of(spec, facts, true)) == ServiceChange{true, true, true});
}

TEST_CASE("an fs-only target is only mounted, and again only when it is not", "[reconcile]") {
  ServiceSpec spec = spec_named("files");
  spec.type = manifest::ServiceType::kFsOnly;
  const ServiceFacts none;
  CHECK(change_for(view_of(spec, none, true)) == ServiceChange{});
  CHECK(change_for(view_of(spec, none, false)) == ServiceChange{true, false, true});
  for (const Step& step : steps_for(view_of(spec, none, false))) {
    CHECK(step.action != "start");
  }
}

TEST_CASE("a hostfs is pulled and verified, never mounted or started", "[reconcile]") {
  ServiceSpec spec = spec_named("host");
  spec.type = manifest::ServiceType::kHostfs;
  const ServiceFacts none;
  CHECK(change_for(view_of(spec, none, false)) == ServiceChange{});
}
