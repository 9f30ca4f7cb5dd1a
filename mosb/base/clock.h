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
};

class RealClock final : public Clock {
 public:
  SystemTime now() const override;
};

class FixedClock final : public Clock {
 public:
  explicit FixedClock(SystemTime time) : time_(time) {}
  SystemTime now() const override { return time_; }

 private:
  SystemTime time_;
};

}  // namespace mosb
