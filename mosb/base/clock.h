#pragma once

#include <chrono>

namespace mosb {

using SystemTime = std::chrono::sys_seconds;

/// Where the time of day comes from; tests put a fixed one in its place.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  Clock(Clock&&) = delete;
  Clock& operator=(Clock&&) = delete;
  virtual ~Clock() = default;
  virtual SystemTime now() const = 0;
  /// A time that has passed for certain: whoever sees an earlier one has a wrong clock.
  virtual SystemTime earliest() const = 0;
};

class RealClock final : public Clock {
 public:
  SystemTime now() const override;
  /// When this mosb was made, less a day: at boot the hardware's clock may show another zone's
  /// time.
  SystemTime earliest() const override;
};

class FixedClock final : public Clock {
 public:
  explicit FixedClock(SystemTime time, SystemTime earliest = SystemTime())
      : time_(time), earliest_(earliest) {}
  SystemTime now() const override { return time_; }
  SystemTime earliest() const override { return earliest_; }

 private:
  SystemTime time_;
  SystemTime earliest_;
};

}  // namespace mosb
