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
