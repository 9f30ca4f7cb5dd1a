#pragma once

#include <poll.h>
#include <sys/types.h>

#include "lxc/init/init_messages.h"
#include "lxc/init/init_process.h"

namespace mosb::lxc {

/// The commands that exec clients have running, each on a connection of its own.
class InitSessions {
 public:
  static constexpr int kMax = 32;
  /// Two per session: its connection and, until it is exec'ed, its report.
  static constexpr int kMaxPollFds = 2 * kMax;

  /// Takes a connection off the listening socket; its request comes as a message on it.
  void accept_from(int listen_fd);
  /// Fills in what to poll for. Returns how many entries.
  int poll_fds(pollfd* fds) const;
  /// Acts on the entries that poll_fds() filled in.
  void handle(const pollfd* fds, int count);
  /// True if `pid` was one of these commands.
  bool reaped(pid_t pid, int wait_status);

 private:
  struct Session {
    int connection = -1;
    int report_fd = -1;
    int terminal_fd = -1;
    pid_t pid = -1;
    bool ended = false;
    int wait_status = 0;
  };
  static void start(Session& session, const ReceivedMessage& request);
  static void from_client(Session& session);
  static void from_report(Session& session);
  static void fail(Session& session, InitStage stage, int err);
  static void finish(Session& session);
  static void close_session(Session& session);

  Session sessions_[kMax];
};

/// The end of a process as exit messages carry it.
InitMessage exited_message(int wait_status);

}  // namespace mosb::lxc
