#include "provider-kvm/qmp_client.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "provider-kvm/unix_socket.h"

namespace mosb::kvm {

namespace {

/// Of events that nobody asked for; the oldest go first.
constexpr std::size_t kMaxEvents = 256;

}  // namespace

Result<QmpClient> QmpClient::connect(const std::string& path, int gone, const Deadline& deadline) {
  UniqueFd own;
  if (gone >= 0) {
    own = MOSB_TRY(sys::dup_cloexec(gone));
  }
  UniqueFd socket = MOSB_TRY(connect_unix(path, gone, deadline));
  QmpClient client(std::move(socket), std::move(own));
  const QmpMessage first = MOSB_TRY(client.receive(deadline).context("qemu's greeting"));
  const auto* const greeting = std::get_if<QmpGreeting>(&first);
  if (greeting == nullptr) {
    return Error(Errc::kContent, "what answers at " + quote(path) + " does not greet as qemu does");
  }
  client.version_ = greeting->version;
  (void)MOSB_TRY(client.execute("qmp_capabilities", deadline));
  return client;
}

Status QmpClient::send(const std::string& line, const Deadline& deadline) {
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t n =
        ::send(socket_.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      sent += static_cast<std::size_t>(n);
      continue;
    }
    const int err = errno;
    if (err != EAGAIN && err != EINTR) {
      return Error::sys("send to qemu", err).as(Errc::kRuntime);
    }
    pollfd fd{socket_.get(), POLLOUT, 0};
    (void)::poll(&fd, 1, deadline.poll_ms());
    if (deadline.over()) {
      return Error(Errc::kRuntime, "qemu takes no command: not in time");
    }
  }
  return ok();
}

Result<QmpMessage> QmpClient::receive(const Deadline& deadline) {
  for (;;) {
    if (const auto line = lines_.next()) {
      return parse_qmp(*line);
    }
    MOSB_CHECK(wait_readable(socket_.get(), gone_.get(), deadline, "wait for qemu"));
    std::array<char, 16384> buffer{};
    const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n == 0) {
      return Error(Errc::kRuntime, "qemu closed its control connection");
    }
    if (n < 0) {
      const int err = errno;
      if (err == EAGAIN || err == EINTR) {
        continue;
      }
      return Error::sys("listen to qemu", err).as(Errc::kRuntime);
    }
    MOSB_CHECK(lines_.add(std::string_view(buffer.data(), static_cast<std::size_t>(n))));
  }
}

void QmpClient::keep(QmpEvent event) {
  if (events_.size() == kMaxEvents) {
    events_.pop_front();
  }
  events_.push_back(std::move(event));
}

Result<Json> QmpClient::execute(const std::string& command,
                                const Json& arguments,
                                const Deadline& deadline) {
  const std::uint64_t id = ++last_id_;
  MOSB_CHECK(send(print_qmp_command(command, arguments, id), deadline));
  for (;;) {
    QmpMessage message = MOSB_TRY(receive(deadline).context("ask qemu for " + quote(command)));
    if (auto* const event = std::get_if<QmpEvent>(&message)) {
      keep(std::move(*event));
    } else if (auto* const value = std::get_if<QmpReturn>(&message); value && value->id == id) {
      return std::move(value->value);
    } else if (const auto* const failure = std::get_if<QmpFailure>(&message);
               failure && (failure->id == id || failure->id == 0)) {
      return Error(Errc::kRuntime,
                   "qemu refuses " + quote(command) + ": " + escape(failure->description));
    }
  }
}

Result<QmpEvent> QmpClient::next_event(const Deadline& deadline) {
  while (events_.empty()) {
    QmpMessage message = MOSB_TRY(receive(deadline));
    if (auto* const event = std::get_if<QmpEvent>(&message)) {
      keep(std::move(*event));
    }
  }
  QmpEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace mosb::kvm
