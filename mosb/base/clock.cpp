#include "mosb/base/clock.h"

namespace mosb {

SystemTime RealClock::now() const {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace mosb
