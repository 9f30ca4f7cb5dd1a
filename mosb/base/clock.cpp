#include "mosb/base/clock.h"

namespace mosb {

SystemTime RealClock::now() const {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

SystemTime RealClock::earliest() const {
  return SystemTime(std::chrono::seconds(MOSB_SOURCE_TIME)) - std::chrono::hours(24);
}

}  // namespace mosb
