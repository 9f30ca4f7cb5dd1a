#pragma once

#include "mosb/agent/applied_state.h"
#include "mosb/base/clock.h"

namespace mosb::agent {

/// When the signature of a service that was admitted is judged by the present time again, which
/// expiry, and a clock that was lost, may turn against it.
enum class Recheck {
  /// Only when its manifest is applied again.
  kNever,
  /// At every start.
  kStart,
  /// At a start a day or more after the last time.
  kDaily,
};

/// Whether a start at `now` judges as of the admission still. Not for an image of which that time
/// is not known.
bool keeps_verdict(const ServiceImage& image, Recheck recheck, SystemTime now);

/// When a start of the service is to judge its image: `configured`, or anew where it was stopped
/// because its image counted no more.
Recheck recheck_of(const AppliedService& service, Recheck configured);

/// What to remember of an image that was judged again. Within a day nothing changes if the verdict
/// is the same, so that judging again writes nothing.
ServiceImage remembered(const ServiceImage& before, const ServiceImage& now);

/// Notes that a service's image was accepted again. What was found about it before is over if it
/// was judged by another time than then.
void remember_accepted(AppliedService& service, const ServiceImage& now);

}  // namespace mosb::agent
