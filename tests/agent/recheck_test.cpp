#include "mosb/agent/recheck.h"

#include <chrono>

#include <catch2/catch.hpp>

using namespace mosb;         // NOLINT(google-build-using-namespace): the part under test
using namespace mosb::agent;  // NOLINT(google-build-using-namespace): the part under test
using std::chrono::hours;
using std::chrono::seconds;

namespace {

constexpr SystemTime kThen{hours(500'000)};

ServiceImage judged_at(SystemTime time) {
  ServiceImage image{.ref = "oci:/images:web",
                     .scope = "local/mosb",
                     .digest = Digest::of("image"),
                     .outcome = "verified",
                     .policy = "local",
                     .subject = "CN=signer"};
  image.admitted_at = time;
  image.counts_until = kThen + hours(1000);
  return image;
}

AppliedService service_of(const ServiceImage& image,
                          std::optional<RecheckFinding> finding = std::nullopt) {
  return {.manifest = {}, .image = image, .stopped = false, .finding = std::move(finding)};
}

const RecheckFinding kRefused{RecheckFinding::Kind::kRefused, "revoked", kThen};
const RecheckFinding kUndetermined{RecheckFinding::Kind::kUndetermined, "no answer", kThen};

}  // namespace

TEST_CASE("a verdict is kept for ever, for a day or not at all", "[recheck]") {
  const ServiceImage image = judged_at(kThen);
  for (const SystemTime now : {kThen, kThen + hours(24) - seconds(1)}) {
    CHECK(keeps_verdict(image, Recheck::kNever, now));
    CHECK(keeps_verdict(image, Recheck::kDaily, now));
    CHECK_FALSE(keeps_verdict(image, Recheck::kStart, now));
  }
  // a day later, and by a clock that was set back
  for (const SystemTime now : {kThen + hours(24), kThen - seconds(1)}) {
    CHECK(keeps_verdict(image, Recheck::kNever, now));
    CHECK_FALSE(keeps_verdict(image, Recheck::kDaily, now));
    CHECK_FALSE(keeps_verdict(image, Recheck::kStart, now));
  }
}

TEST_CASE("a verdict of which the time is not known is not kept", "[recheck]") {
  ServiceImage image = judged_at(kThen);
  image.admitted_at.reset();
  for (const Recheck recheck : {Recheck::kNever, Recheck::kStart, Recheck::kDaily}) {
    CHECK_FALSE(keeps_verdict(image, recheck, kThen));
  }
}

TEST_CASE("the same verdict within a day changes nothing that is remembered", "[recheck]") {
  const ServiceImage before = judged_at(kThen);
  CHECK(remembered(before, judged_at(kThen + hours(23))) == before);
  CHECK(remembered(before, judged_at(kThen + hours(24))) == judged_at(kThen + hours(24)));
  CHECK(remembered(before, judged_at(kThen - seconds(1))) == judged_at(kThen - seconds(1)));
}

TEST_CASE("another verdict, or a first one, is remembered at once", "[recheck]") {
  const ServiceImage before = judged_at(kThen);
  ServiceImage later = judged_at(kThen + seconds(1));
  later.counts_until = kThen + hours(2000);
  CHECK(remembered(before, later) == later);
  ServiceImage of_old = before;
  of_old.admitted_at.reset();
  CHECK(remembered(of_old, judged_at(kThen)) == judged_at(kThen));
}

TEST_CASE("a service that was stopped because its image counts no more is judged at each start",
          "[recheck]") {
  const AppliedService blocked = service_of(judged_at(kThen), kRefused);
  for (const Recheck recheck : {Recheck::kNever, Recheck::kStart, Recheck::kDaily}) {
    CHECK(recheck_of(blocked, recheck) == Recheck::kStart);
    CHECK(recheck_of(service_of(judged_at(kThen)), recheck) == recheck);
    CHECK(recheck_of(service_of(judged_at(kThen), kUndetermined), recheck) == recheck);
  }
  CHECK(blocked.is_down());
  CHECK_FALSE(service_of(judged_at(kThen), kUndetermined).is_down());
}

TEST_CASE("what was found about an image is over once it is judged by another time", "[recheck]") {
  AppliedService blocked = service_of(judged_at(kThen), kRefused);
  remember_accepted(blocked, judged_at(kThen));
  CHECK_FALSE(blocked.finding);
  AppliedService unsure = service_of(judged_at(kThen), kUndetermined);
  // a start that kept the verdict asked nobody
  remember_accepted(unsure, judged_at(kThen));
  CHECK(unsure.finding == kUndetermined);
  remember_accepted(unsure, judged_at(kThen + hours(1)));
  CHECK_FALSE(unsure.finding);
  CHECK(unsure.image == judged_at(kThen));
  remember_accepted(unsure, judged_at(kThen + hours(25)));
  CHECK(unsure.image == judged_at(kThen + hours(25)));
}
