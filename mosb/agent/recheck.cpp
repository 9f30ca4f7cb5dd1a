#include "mosb/agent/recheck.h"

#include <chrono>

namespace mosb::agent {

namespace {

constexpr std::chrono::hours kDay{24};

bool within_a_day(SystemTime then, SystemTime now) {
  return now >= then && now - then < kDay;
}

}  // namespace

bool keeps_verdict(const ServiceImage& image, Recheck recheck, SystemTime now) {
  if (!image.admitted_at) {
    return false;
  }
  switch (recheck) {
    case Recheck::kNever:
      return true;
    case Recheck::kStart:
      return false;
    case Recheck::kDaily:
      return within_a_day(*image.admitted_at, now);
  }
  return false;
}

ServiceImage remembered(const ServiceImage& before, const ServiceImage& now) {
  ServiceImage same = now;
  same.admitted_at = before.admitted_at;
  const bool is_young =
      before.admitted_at && now.admitted_at && within_a_day(*before.admitted_at, *now.admitted_at);
  return same == before && is_young ? before : now;
}

Recheck recheck_of(const AppliedService& service, Recheck configured) {
  return service.is_blocked() ? Recheck::kStart : configured;
}

void remember_accepted(AppliedService& service, const ServiceImage& now) {
  if (service.is_blocked() || now.admitted_at != service.image.admitted_at) {
    service.finding.reset();
  }
  service.image = remembered(service.image, now);
}

}  // namespace mosb::agent
