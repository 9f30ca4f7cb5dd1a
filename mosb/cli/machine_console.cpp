#include "mosb/cli/machine_console.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <span>

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mosb/base/signal_name.h"
#include "mosb/base/sys.h"
#include "mosb/base/unique_fd.h"
#include "mosb/cli/terminal.h"
#include "provider-kvm/unix_socket.h"

namespace mosb::cli {

namespace {

constexpr std::chrono::seconds kConnectTime{5};
constexpr std::chrono::seconds kDrainTime{5};
constexpr std::size_t kChunk = 16384;

/// Signals that would end us come as something to read, so that the terminal is set back first.
Result<UniqueFd> catch_signals() {
  sigset_t wanted;
  (void)::sigemptyset(&wanted);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    (void)::sigaddset(&wanted, signal);
  }
  (void)::sigprocmask(SIG_BLOCK, &wanted, nullptr);
  UniqueFd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) {
    return Error::sys("wait for signals", errno);
  }
  return fd;
}

/// All of it, waiting for the other side as long as it takes; false if that has gone.
bool send_all(int socket, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) {
      return false;
    }
    pollfd fd{socket, POLLOUT, 0};
    (void)::poll(&fd, 1, -1);
  }
  return true;
}

class Console {
 public:
  Console(UniqueFd socket, UniqueFd signals)
      : socket_(std::move(socket)), signals_(std::move(signals)) {}

  Result<ConsoleEnd> run() {
    for (;;) {
      std::array<pollfd, 3> fds{
          {{STDIN_FILENO, POLLIN, 0}, {socket_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
        return Error::sys("wait for the console", errno);
      }
      if (fds[2].revents != 0) {
        return ended_by_signal();
      }
      if (fds[1].revents != 0 && !from_machine()) {
        return ConsoleEnd::kMachineStopped;
      }
      if (fds[0].revents != 0) {
        if (const auto end = from_user()) {
          return *end;
        }
      }
    }
  }

 private:
  Error ended_by_signal() const {
    signalfd_siginfo info{};
    (void)!::read(signals_.get(), &info, sizeof info);
    return Error(Errc::kRuntime,
                 "the console was left: " + signal_name(static_cast<int>(info.ssi_signo)));
  }

  bool from_machine() {
    std::array<char, kChunk> bytes{};
    const ssize_t n = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n < 0) {
      return errno == EAGAIN || errno == EINTR;
    }
    return n > 0 &&
           sys::write_all(STDOUT_FILENO,
                          std::as_bytes(std::span(bytes).first(static_cast<std::size_t>(n))))
               .has_value();
  }

  std::optional<ConsoleEnd> from_user() {
    std::array<char, kChunk> bytes{};
    const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n < 0) {
      return errno == EAGAIN || errno == EINTR ? std::nullopt
                                               : std::optional(ConsoleEnd::kDetached);
    }
    const auto size = static_cast<std::size_t>(n);
    const void* const key = std::memchr(bytes.data(), kDetachKey, size);
    const std::size_t before =
        key == nullptr ? size
                       : static_cast<std::size_t>(static_cast<const char*>(key) - bytes.data());
    if (!send_all(socket_.get(), std::span(bytes).first(before))) {
      return ConsoleEnd::kMachineStopped;
    }
    if (size > 0 && key == nullptr) {
      return std::nullopt;
    }
    if (::isatty(STDIN_FILENO) == 0) {
      drain();
    }
    return ConsoleEnd::kDetached;
  }

  /// What was piped in must arrive: qemu takes it as slowly as the guest does, and closes after it.
  void drain() {
    (void)::shutdown(socket_.get(), SHUT_WR);
    const Deadline deadline = Deadline::in(kDrainTime);
    pollfd fd{socket_.get(), POLLIN, 0};
    while (::poll(&fd, 1, deadline.poll_ms()) > 0 && !deadline.over() && from_machine()) {
    }
  }

  UniqueFd socket_;
  UniqueFd signals_;
};

}  // namespace

Result<ConsoleEnd> join_console(const std::string& socket) {
  UniqueFd connection = MOSB_TRY(kvm::connect_unix(socket, -1, Deadline::in(kConnectTime)));
  UniqueFd signals = MOSB_TRY(catch_signals());
  std::optional<RawTerminal> raw;
  if (::isatty(STDIN_FILENO) == 1) {
    raw = MOSB_TRY(RawTerminal::make(STDIN_FILENO));
  }
  Console console(std::move(connection), std::move(signals));
  return console.run();
}

}  // namespace mosb::cli
