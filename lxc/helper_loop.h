#pragma once

#include <chrono>
#include <optional>

#include "lxc/container.h"
#include "lxc/helper_setup.h"
#include "lxc/init/init_messages.h"
#include "mosb/base/result.h"

namespace mosb::lxc {

/// What a helper says to whoever starts the container.
struct StarterChannels {
  /// Where the starter waits for the outcome of the start.
  UniqueFd report;
  /// Network::kConnected: a SOCK_SEQPACKET to ask for the connection. Else closed.
  UniqueFd connect;
};

/// Watches one container from its start to its end: checks the facts before its program runs,
/// copies its output to the log, records start and end.
class HelperLoop {
 public:
  HelperLoop(HelperState state, StarterChannels starter);
  /// Returns when the container has ended and nothing of it is left but our own cgroup.
  void run();
  /// Lets go of the lock and tells why the container did not start, if it did not.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  enum class Copied { kSome, kNothing, kEnd };
  enum class Phase { kSettingUp, kConnecting, kStarting, kRunning, kEnding };

  void step();
  int timeout_ms() const;
  void on_control();
  void on_message(const ReceivedMessage& received);
  void on_ready(const ReceivedMessage& received);
  void ask_to_connect();
  void on_answer();
  void let_go();
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
  StarterChannels starter_;
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
