#include "lxc/exec_relay.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <span>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "lxc/init/init_messages.h"
#include "mosb/base/sys.h"

namespace mosb::lxc {

namespace {

/// How long to go on reading after the command's end: a background child of it may hold the
/// streams, and is not waited for.
constexpr int kDrainMs = 100;

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

/// Copies one chunk. False when there is no more to come, or nowhere to go.
bool copy_chunk(const Relay& relay) {
  std::array<std::byte, 16384> buffer{};
  const ssize_t n = ::read(relay.from, buffer.data(), buffer.size());
  if (n < 0) {
    return errno == EAGAIN || errno == EINTR;
  }
  return n > 0 &&
         sys::write_all(relay.to, std::span(buffer).first(static_cast<std::size_t>(n))).has_value();
}

class Session {
 public:
  Session(int connection, std::vector<Relay> relays, int terminal, int user_terminal)
      : connection_(connection),
        relays_(std::move(relays)),
        terminal_(terminal),
        user_terminal_(user_terminal),
        raw_(terminal >= 0 ? user_terminal : -1) {
    copy_window_size(user_terminal_, terminal_);
  }

  Result<int> run() {
    for (;;) {
      if (exit_code_ && !has_output()) {
        return *exit_code_;
      }
      if (!exit_code_ && lost_) {
        return Error(Errc::kRuntime, "the container ended before the command did");
      }
      std::vector<pollfd> fds{{signals_.fd(), POLLIN, 0},
                              {exit_code_ ? -1 : connection_, POLLIN, 0}};
      for (const Relay& relay : relays_) {
        fds.push_back({exit_code_ && relay.is_input ? -1 : relay.from, POLLIN, 0});
      }
      const int ready = ::poll(fds.data(), fds.size(), exit_code_ ? kDrainMs : -1);
      if (ready == 0 && exit_code_) {
        return *exit_code_;
      }
      if (ready > 0) {
        handle(fds);
      }
    }
  }

 private:
  bool has_output() const {
    for (const Relay& relay : relays_) {
      if (!relay.is_input && relay.from >= 0) {
        return true;
      }
    }
    return false;
  }

  void handle(const std::vector<pollfd>& fds) {
    // Output first: what came before the end is shown before the end.
    for (std::size_t i = 0; i < relays_.size(); ++i) {
      Relay& relay = relays_[i];
      if (fds[i + 2].revents != 0 && !copy_chunk(relay)) {
        relay.from = -1;
        if (relay.close_at_end != nullptr) {
          relay.close_at_end->reset();
        }
      }
    }
    if (fds[0].revents != 0) {
      forward_signals();
    }
    if (fds[1].revents != 0) {
      on_message();
    }
  }

  void forward_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.fd(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGWINCH) {
        copy_window_size(user_terminal_, terminal_);
      } else {
        (void)send_message(connection_,
                           {InitMessageType::kSignal, static_cast<int>(info.ssi_signo), 0});
      }
    }
  }

  void on_message() {
    ReceivedMessage received;
    if (!receive_message(connection_, &received)) {
      lost_ = true;
      return;
    }
    for (int i = 0; i < received.fd_count; ++i) {
      ::close(received.fds[i]);
    }
    if (received.message.type == InitMessageType::kExited) {
      exit_code_ = received.message.value & 0xff;
    }
  }

  int connection_;
  std::vector<Relay> relays_;
  int terminal_;
  int user_terminal_;
  SignalScope signals_;
  RawTerminal raw_;
  std::optional<int> exit_code_;
  bool lost_ = false;
};

}  // namespace

Result<int> relay_until_exit(int connection,
                             std::vector<Relay> relays,
                             int terminal,
                             int user_terminal) {
  return Session(connection, std::move(relays), terminal, user_terminal).run();
}

}  // namespace mosb::lxc
