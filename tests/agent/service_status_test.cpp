#include "mosb/agent/service_status.h"

#include <catch2/catch.hpp>

using namespace mosb;
using namespace mosb::agent;

namespace {

AppliedService applied() {
  const auto parsed = manifest::parse(R"({"version":2,"product":"p","update_type":"complete",
    "targets":[{"service_name":"web","version":"1","source":"oci:/i:t"}]})",
                                      "m");
  REQUIRE(parsed);
  return {
      *parsed,
      ServiceImage{"oci:/i:t", "local/mosb", Digest::of("i"), "verified", "local", "CN=s", false},
      false};
}

}  // namespace

TEST_CASE("a service that ended with status 0 is completed, any other end is a failure",
          "[status]") {
  const AppliedService service = applied();
  ServiceFacts facts;
  facts.container.state = lxc::RunState::kExited;
  facts.container.last_exit = lxc::ContainerFacts::Exit{};
  CHECK(status_of("web", &service, facts).state == ServiceState::kCompleted);
  facts.container.last_exit->code = 3;
  const ServiceStatus failed = status_of("web", &service, facts);
  CHECK(failed.state == ServiceState::kFailed);
  CHECK(failed.message == "exited with status 3");
  facts.container.last_exit->oom = true;
  CHECK(status_of("web", &service, facts).message == "killed for lack of memory");
}

TEST_CASE("a running service with a corrupt layer is degraded and says which block", "[status]") {
  const AppliedService service = applied();
  ServiceFacts facts;
  facts.container.state = lxc::RunState::kRunning;
  verity::MountState mount;
  mount.verified_by = "fuse-verity";
  mount.layers.push_back(
      {Digest::of("l"), verity::RootHash(Sha256{}), "/dev/loop0", true, "corrupt block 3"});
  facts.mounts.push_back(mount);
  const ServiceStatus status = status_of("web", &service, facts);
  CHECK(status.state == ServiceState::kDegraded);
  CHECK(status.message.find("corrupt block 3") != std::string::npos);
  CHECK(to_json(status)["ready"] == false);
}

TEST_CASE("a service stopped by its operator is stopped, not failed", "[status]") {
  AppliedService service = applied();
  service.stopped = true;
  ServiceFacts facts;
  facts.container.state = lxc::RunState::kExited;
  facts.container.last_exit = lxc::ContainerFacts::Exit{};
  facts.container.last_exit->signal = 15;
  facts.container.last_exit->code = 143;
  CHECK(status_of("web", &service, facts).state == ServiceState::kStopped);
}

TEST_CASE("the listing has the stable keys of the interface", "[status]") {
  const AppliedService service = applied();
  const Json json = to_json(status_of("web", &service, ServiceFacts()));
  for (const char* key : {"service",
                          "version",
                          "type",
                          "state",
                          "ready",
                          "pid",
                          "restarts",
                          "since",
                          "image",
                          "verified_by",
                          "signature",
                          "network",
                          "ports",
                          "nsgroup",
                          "uid_base",
                          "message"}) {
    CHECK(json.contains(key));
  }
  CHECK(json["image"].contains("ref"));
  CHECK(json["image"].contains("digest"));
  CHECK(json["signature"].contains("outcome"));
}

TEST_CASE("a service whose image counts no more is blocked, and says why", "[status]") {
  AppliedService service = applied();
  service.finding = RecheckFinding{RecheckFinding::Kind::kRefused, "it is revoked", SystemTime()};
  ServiceFacts facts;
  facts.container.state = lxc::RunState::kExited;
  facts.container.last_exit = lxc::ContainerFacts::Exit{};
  facts.container.last_exit->code = 143;
  ServiceStatus status = status_of("web", &service, facts);
  CHECK(status.state == ServiceState::kBlocked);
  CHECK(status.message == "its image counts no more: it is revoked");
  CHECK(status.since == SystemTime());
  CHECK(to_json(status)["signature"]["recheck"]["outcome"] == "refused");
  CHECK(status_of("web", &service, {}).state == ServiceState::kBlocked);
  // What runs, runs, whatever is recorded.
  facts.container.state = lxc::RunState::kRunning;
  status = status_of("web", &service, facts);
  CHECK(status.state == ServiceState::kReady);
  CHECK(status.message == "its image counts no more: it is revoked");
}

TEST_CASE("a service of which it is not known whether its image counts runs, and says so",
          "[status]") {
  AppliedService service = applied();
  service.finding = RecheckFinding{RecheckFinding::Kind::kUndetermined, "no answer", SystemTime()};
  ServiceFacts facts;
  facts.container.state = lxc::RunState::kRunning;
  facts.container.degraded = {"no memory limit"};
  const ServiceStatus status = status_of("web", &service, facts);
  CHECK(status.state == ServiceState::kReady);
  CHECK(status.message ==
        "no memory limit; whether its image still counts could not be found out: no answer");
  CHECK(to_json(status)["signature"]["recheck"]["outcome"] == "undetermined");
  service.finding.reset();
  CHECK(to_json(status_of("web", &service, facts))["signature"]["recheck"].is_null());
}
