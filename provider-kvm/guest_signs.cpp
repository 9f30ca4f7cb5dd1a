#include "provider-kvm/guest_signs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "provider-kvm/qmp_client.h"
#include "provider-kvm/unix_socket.h"

namespace mosb::kvm {

namespace {

constexpr std::chrono::seconds kAnswerTime{2};
/// qemu-ga answers this with the same number. The byte 0xff before it ends what another client may
/// have left half-said.
/// Spec: qemu, docs/interop/qemu-ga-ref: guest-sync.
constexpr std::string_view kSync =
    "\xff{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1836020578}}\n";

/// The console's log from where a run began.
class ConsoleReader {
 public:
  static Result<ConsoleReader> open(const std::string& path, std::uint64_t offset) {
    UniqueFd file = MOSB_TRY(sys::open(path, O_RDONLY | O_NOFOLLOW));
    UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch.is_open() || ::inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY) < 0) {
      return Error::sys("watch " + quote(path), errno);
    }
    return ConsoleReader(std::move(file), std::move(watch), static_cast<off_t>(offset));
  }

  int watch() const { return watch_.get(); }
  bool any() const { return any_; }

  /// Reads what came; true once a line with the text was among it.
  Result<bool> find(const std::string& text) {
    std::array<std::byte, 4096> events{};
    while (::read(watch_.get(), events.data(), events.size()) > 0) {
    }
    std::array<std::byte, 16384> buffer{};
    const struct stat st = MOSB_TRY(sys::fstat(file_.get(), "the console's log"));
    if (st.st_size < offset_) {
      // It was full and cut to nothing.
      offset_ = 0;
    }
    for (;;) {
      const std::size_t n = MOSB_TRY(sys::pread(file_.get(), buffer, offset_));
      if (n == 0) {
        return false;
      }
      any_ = true;
      offset_ += static_cast<off_t>(n);
      tail_.append(reinterpret_cast<const char*>(buffer.data()), n);
      if (tail_.find(text) != std::string::npos) {
        return true;
      }
      const std::size_t keep = std::max(text.size(), std::size_t{1}) - 1;
      tail_.erase(0, tail_.size() > keep ? tail_.size() - keep : 0);
    }
  }

 private:
  ConsoleReader(UniqueFd file, UniqueFd watch, off_t offset)
      : file_(std::move(file)), watch_(std::move(watch)), offset_(offset) {}
  UniqueFd file_;
  UniqueFd watch_;
  off_t offset_;
  bool any_ = false;
  /// The end of what was read, in which the text may have begun.
  std::string tail_;
};

/// The guest agent's channel, asked once. Whatever comes back was written by the guest.
class AgentChannel {
 public:
  explicit AgentChannel(const std::string& path) {
    if (auto socket = connect_unix(path, -1, Deadline::in(kAnswerTime))) {
      socket_ = *std::move(socket);
      (void)::send(socket_.get(), kSync.data(), kSync.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
  int fd() const { return socket_.get(); }
  bool answered() {
    std::array<char, 256> bytes{};
    const ssize_t n = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (n == 0) {
      socket_.reset();
    }
    return n > 0;
  }

 private:
  UniqueFd socket_;
};

/// Whether any disk was read or written, by what qemu counts.
bool used_a_disk(const MachinePlace& place, int qemu) {
  const Deadline deadline = Deadline::in(kAnswerTime);
  auto client = QmpClient::connect(place.files.qmp(), qemu, deadline);
  if (!client) {
    return false;
  }
  const auto stats = client->execute("query-blockstats", deadline);
  if (!stats || !stats->is_array()) {
    return false;
  }
  for (const Json& device : *stats) {
    const auto counts =
        device.is_object() ? json::optional_object(device, "stats") : Result<const Json*>(nullptr);
    if (!counts || *counts == nullptr) {
      continue;
    }
    for (const char* count : {"rd_operations", "wr_operations"}) {
      const auto number = json::optional_uint(**counts, count);
      if (number && number->value_or(0) > 0) {
        return true;
      }
    }
  }
  return false;
}

bool is_readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) > 0;
}

}  // namespace

Result<GuestSigns> wait_ready(const MachinePlace& place,
                              const Observation& running,
                              const std::string& ready_line,
                              const Deadline& deadline) {
  GuestSigns signs;
  ConsoleReader console =
      MOSB_TRY(ConsoleReader::open(place.files.console_log(), running.record->console_offset));
  AgentChannel agent(place.files.guest_agent());
  for (;;) {
    signs.ready = MOSB_TRY(console.find(ready_line)) || agent.answered();
    signs.ended = is_readable(running.qemu.get());
    if (signs.ready || signs.ended || deadline.over()) {
      break;
    }
    std::array<pollfd, 3> fds{
        {{console.watch(), POLLIN, 0}, {agent.fd(), POLLIN, 0}, {running.qemu.get(), POLLIN, 0}}};
    (void)::poll(fds.data(), fds.size(), deadline.poll_ms());
  }
  signs.alive =
      signs.ready || console.any() || (!signs.ended && used_a_disk(place, running.qemu.get()));
  return signs;
}

Result<bool> shows_life(const MachinePlace& place, const Observation& running) {
  if (running.record->alive) {
    return true;
  }
  const auto log = sys::lstat(place.files.console_log());
  if (log && static_cast<std::uint64_t>(log->st_size) != running.record->console_offset) {
    return true;
  }
  return used_a_disk(place, running.qemu.get());
}

}  // namespace mosb::kvm
