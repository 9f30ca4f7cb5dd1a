#pragma once

#include <chrono>
#include <optional>

#include "lxc/container.h"
#include "lxc/helper_setup.h"
#include "lxc/init/init_messages.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// Watches one container from its start to its end: checks the facts before its program runs,
/// copies its output to the log, records start and end.
class HelperLoop {
 public:
  /// `report` is where the starter waits for the outcome of the start.
  HelperLoop(HelperState state, UniqueFd report);
  /// Returns when the container has ended and nothing of it is left but our own cgroup.
  void run();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Copied { kSome, kNothing, kEnd };
  enum class Phase { kSettingUp, kStarting, kRunning, kEnding };

  void step();
  int timeout_ms() const;
  void on_control();
  void on_message(const ReceivedMessage& received);
  void on_ready(const ReceivedMessage& received);
  void on_started();
  void on_exited(const InitMessage& message);
  void on_monitor_end();
  void on_signal();
  void on_deadline();
  Copied copy_output(UniqueFd& stream, int number);
  void fail(const Error& error);
  void record_exit(ContainerFacts::Exit exit);
  bool killed_for_memory() const;
  void finish();

  HelperState state_;
  UniqueFd report_;
  UniqueFd signals_;
  Phase phase_ = Phase::kSettingUp;
  Clock::time_point deadline_;
  std::optional<ContainerFacts::Exit> exit_;
  pid_t init_pid_ = 0;
  UniqueFd init_pidfd_;
  bool monitor_ended_ = false;
  /// Why the container was not started; told when nothing of it is left.
  std::optional<Error> failure_;
};

/// Tells the starter how the start went; it waits for nothing else.
void report_outcome(UniqueFd& report, const Status& outcome);

}  // namespace mosb::lxc
