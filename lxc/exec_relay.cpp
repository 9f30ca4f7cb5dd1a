#include "lxc/exec_relay.h"

#include <algorithm>
#include <csignal>
#include <optional>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "lxc/init/init_messages.h"

namespace mosb::lxc {

namespace {

/// How long to go on reading after the command's end: a background child of it may hold the
/// streams, and is not waited for.
constexpr int kDrainMs = 100;
/// More than a pipe or a terminal can hold of what the command itself wrote.
constexpr ByteCount kMaxAfterEnd{256 * kKiB};

/// Blocks the signals that are handed on, and takes them from a descriptor.
class SignalScope {
 public:
  SignalScope() {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}) {
      ::sigaddset(&wanted, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &wanted, &old_mask_);
    fd_ = UniqueFd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &old_pipe_);
  }
  SignalScope(const SignalScope&) = delete;
  SignalScope& operator=(const SignalScope&) = delete;
  SignalScope(SignalScope&&) = delete;
  SignalScope& operator=(SignalScope&&) = delete;
  ~SignalScope() {
    ::sigaction(SIGPIPE, &old_pipe_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
  }
  int fd() const { return fd_.get(); }

 private:
  sigset_t old_mask_{};
  struct sigaction old_pipe_ {};
  UniqueFd fd_;
};

/// A terminal without echo and line editing while it lasts; anything else is left alone.
class RawTerminal {
 public:
  explicit RawTerminal(int fd) : fd_(fd) {
    termios raw{};
    if (fd < 0 || ::tcgetattr(fd, &raw) < 0) {
      return;
    }
    old_ = raw;
    ::cfmakeraw(&raw);
    (void)::tcsetattr(fd, TCSANOW, &raw);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  RawTerminal(RawTerminal&&) = delete;
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal() {
    if (old_) {
      (void)::tcsetattr(fd_, TCSANOW, &*old_);
    }
  }

 private:
  int fd_;
  std::optional<termios> old_;
};

void copy_window_size(int from, int to) {
  winsize size{};
  if (from >= 0 && to >= 0 && ::ioctl(from, TIOCGWINSZ, &size) == 0) {
    (void)::ioctl(to, TIOCSWINSZ, &size);
  }
}

class Session {
 public:
  Session(int connection, std::vector<ExecStream> streams, UniqueFd terminal, int user_terminal)
      : connection_(connection),
        streams_(std::move(streams)),
        terminal_(std::move(terminal)),
        user_terminal_(user_terminal),
        raw_(terminal_.is_open() ? user_terminal : -1) {
    copy_window_size(user_terminal_, terminal_.get());
  }

  Result<int> run() {
    while (!ended_ || has_output()) {
      std::vector<pollfd> fds{{signals_.fd(), POLLIN, 0}, {ended_ ? -1 : connection_, POLLIN, 0}};
      for (const ExecStream& stream : streams_) {
        fds.push_back(stream.wanted());
      }
      // A stream that holds something waits for its reader, however slow.
      const int ready = ::poll(fds.data(), fds.size(), ended_ && !is_holding() ? kDrainMs : -1);
      if (ready == 0) {
        break;
      }
      if (ready > 0) {
        handle(fds);
      }
    }
    if (!exit_code_) {
      return Error(Errc::kRuntime, "the container ended before the command did");
    }
    return *exit_code_;
  }

 private:
  bool has_output() const {
    return std::any_of(
        streams_.begin(), streams_.end(), [](const ExecStream& s) { return !s.is_over(); });
  }

  bool is_holding() const {
    return std::any_of(
        streams_.begin(), streams_.end(), [](const ExecStream& s) { return s.is_holding(); });
  }

  void handle(const std::vector<pollfd>& fds) {
    // Output first: what came before the end is shown before the end.
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      if (fds[i + 2].revents != 0) {
        streams_[i].copy();
      }
      if (streams_[i].is_broken()) {
        hang_up();
      }
    }
    if (fds[0].revents != 0) {
      forward_signals();
    }
    if (fds[1].revents != 0) {
      on_message();
    }
  }

  /// Nobody sees the terminal any more: all our ends of it go, and the kernel tells the command.
  void hang_up() {
    if (!terminal_.is_open()) {
      return;
    }
    terminal_.reset();
    for (ExecStream& stream : streams_) {
      stream.close();
    }
  }

  void forward_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.fd(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGWINCH) {
        copy_window_size(user_terminal_, terminal_.get());
      } else if (ended_) {
        // Nobody is there to take it, and the caller wants to go.
        for (ExecStream& stream : streams_) {
          stream.close();
        }
      } else {
        (void)send_message(connection_,
                           {InitMessageType::kSignal, static_cast<int>(info.ssi_signo), 0});
      }
    }
  }

  void on_message() {
    ReceivedMessage received;
    if (!receive_message(connection_, &received)) {
      end();
      return;
    }
    for (int i = 0; i < received.fd_count; ++i) {
      ::close(received.fds[i]);
    }
    if (received.message.type == InitMessageType::kExited) {
      exit_code_ = received.message.value & 0xff;
      end();
    }
  }

  void end() {
    ended_ = true;
    for (ExecStream& stream : streams_) {
      stream.command_ended(kMaxAfterEnd);
    }
  }

  int connection_;
  std::vector<ExecStream> streams_;
  UniqueFd terminal_;
  int user_terminal_;
  SignalScope signals_;
  RawTerminal raw_;
  std::optional<int> exit_code_;
  bool ended_ = false;
};

}  // namespace

Result<int> relay_until_exit(int connection,
                             std::vector<ExecStream> streams,
                             UniqueFd terminal,
                             int user_terminal) {
  return Session(connection, std::move(streams), std::move(terminal), user_terminal).run();
}

}  // namespace mosb::lxc
