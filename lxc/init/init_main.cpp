/// mosb-init: process 1 of a container. It runs one program exactly as its spec says, reaps,
/// forwards signals, runs the commands of exec clients and reports how the program ended. It has no
/// heap, reads no file of the image and is confined as the program is before it says it is ready.

#include <cerrno>
#include <csignal>
#include <cstdint>

#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lxc/init/init_filter.h"
#include "lxc/init/init_messages.h"
#include "lxc/init/init_process.h"
#include "lxc/init/init_sessions.h"

extern "C" {
// Set by the linker: the ends of the program's headers, read-only start-up code and text.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern const char __executable_start;
extern const char etext;
}

namespace mosb::lxc {

namespace {

constexpr int kAckTimeoutMs = 5000;

/// The program that the container is there for.
struct Main {
  pid_t pid = -1;
  int report_fd = -1;
  bool started = false;
};

/// Calls that the filter refuses and that would do nothing without it: one by number, one by
/// argument.
InitMessage ready_message() {
  const int by_number = ::unshare(0) == 0 ? 0 : errno;
  const int by_argument = ::ioctl(-1, TIOCSTI, "") == 0 ? 0 : errno;
  return {InitMessageType::kReady, by_number, by_argument};
}

int open_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  return ::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

[[noreturn]] void end(const InitMessage& message) {
  if (send_message(kInitControlFd, message)) {
    // The counter of out-of-memory kills goes with our cgroup: let mosb-run read it first.
    pollfd fd{kInitControlFd, POLLIN, 0};
    (void)::poll(&fd, 1, kAckTimeoutMs);
  }
  ::_exit(message.value & 0xff);
}

void check_report(Main& program) {
  InitStage stage = InitStage::kExec;
  int err = 0;
  program.started = read_report(program.report_fd, &stage, &err);
  ::close(program.report_fd);
  program.report_fd = -1;
  if (!program.started) {
    end({InitMessageType::kFailed, static_cast<std::int32_t>(stage), err});
  }
  send_message(kInitControlFd, {InitMessageType::kStarted, 0, 0});
}

void reap(Main& program, InitSessions& sessions) {
  int wait_status = 0;
  for (;;) {
    const pid_t pid = ::waitpid(-1, &wait_status, WNOHANG);
    if (pid <= 0) {
      return;
    }
    if (pid != program.pid) {
      (void)sessions.reaped(pid, wait_status);
      continue;
    }
    if (program.report_fd >= 0) {
      check_report(program);  // does not return if the program never came to run
    }
    end(exited_message(wait_status));
  }
}

void handle_signals(int signal_fd, Main& program, InitSessions& sessions) {
  signalfd_siginfo info{};
  while (::read(signal_fd, &info, sizeof info) == sizeof info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      reap(program, sessions);
    } else {
      ::kill(program.pid, signal);
    }
  }
}

/// Lets go of the text pages that only the start needed: most of a static program's.
void drop_text() {
  const auto page = static_cast<std::uintptr_t>(::getpagesize());
  const auto start =
      (reinterpret_cast<std::uintptr_t>(&__executable_start) + page - 1) & ~(page - 1);
  const auto end = reinterpret_cast<std::uintptr_t>(&etext) & ~(page - 1);
  (void)::madvise(reinterpret_cast<void*>(start), end - start, MADV_DONTNEED);
}

[[noreturn]] void serve(int signal_fd, int exec_fd, Main& program) {
  static InitSessions sessions;
  drop_text();
  for (;;) {
    pollfd fds[4 + InitSessions::kMaxPollFds];
    fds[0] = {program.report_fd, POLLIN, 0};
    fds[1] = {signal_fd, POLLIN, 0};
    fds[2] = {exec_fd, POLLIN, 0};
    // mosb-run says nothing more here; its end ends us.
    fds[3] = {kInitControlFd, 0, 0};
    const int count = sessions.poll_fds(fds + 4);
    const int all = 4 + count;
    if (::poll(fds, static_cast<nfds_t>(all), -1) < 0) {
      continue;
    }
    if (fds[3].revents != 0) {
      ::_exit(1);
    }
    if (fds[0].revents != 0) {
      check_report(program);
    }
    sessions.handle(fds + 4, count);
    if (fds[1].revents != 0) {
      handle_signals(signal_fd, program, sessions);
    }
    if (fds[2].revents != 0) {
      sessions.accept_from(exec_fd);
    }
  }
}

int run() {
  // Nobody in the container may look into process 1 or take its descriptors.
  if (::getpid() != 1 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
      install_container_filter() != 0) {
    return 1;
  }
  ReceivedMessage received;
  if (!send_message(kInitControlFd, ready_message()) ||
      !receive_message(kInitControlFd, &received) ||
      received.message.type != InitMessageType::kGo || received.fd_count != 2) {
    return 1;
  }
  const int spec_fd = received.fds[0];
  InitProcess process;
  if (!load_spec(spec_fd, &process)) {
    end({InitMessageType::kFailed, static_cast<std::int32_t>(InitStage::kSpec), EINVAL});
  }
  ::close(spec_fd);
  const int signal_fd = open_signals();
  const int stdio[3] = {0, 1, 2};
  const InitLaunch launched = launch(process, stdio, false);
  unload_spec(&process);
  if (launched.pid < 0) {
    end({InitMessageType::kFailed, static_cast<std::int32_t>(launched.stage), launched.err});
  }
  Main program{launched.pid, launched.report_fd, false};
  serve(signal_fd, received.fds[1], program);
}

}  // namespace

}  // namespace mosb::lxc

int main() {
  return mosb::lxc::run();
}
