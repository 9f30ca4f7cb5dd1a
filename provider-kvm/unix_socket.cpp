#include "provider-kvm/unix_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mosb/base/text.h"

namespace mosb::kvm {

namespace {

/// Between bind(2) and listen(2) of the other side there is nothing to wait for.
constexpr int kRetryMs = 1;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error(Errc::kUsage, "the socket's path " + quote(path) + " is too long");
  }
  std::memcpy(&address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> make_socket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) {
    return Error::sys("make a socket", errno);
  }
  return fd;
}

bool has_ended(int pidfd) {
  pollfd fd{pidfd, POLLIN, 0};
  return pidfd >= 0 && ::poll(&fd, 1, 0) > 0;
}

Error waited(const std::string& what, bool ended) {
  return Error(Errc::kRuntime, what + (ended ? ": the process ended" : ": not in time"));
}

/// Told of each file that comes into the directory of `path`.
Result<UniqueFd> watch_directory(const std::string& path) {
  UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string dir = path.substr(0, path.rfind('/'));
  if (!watch.is_open() || ::inotify_add_watch(watch.get(), dir.c_str(), IN_CREATE) < 0) {
    return Error::sys("watch " + quote(dir), errno);
  }
  return watch;
}

void drain(int watch) {
  std::array<char, 4096> events{};
  while (::read(watch, events.data(), events.size()) > 0) {
  }
}

}  // namespace

Result<UniqueFd> connect_unix(const std::string& path, int gone, const Deadline& deadline) {
  const sockaddr_un address = MOSB_TRY(address_of(path));
  UniqueFd socket = MOSB_TRY(make_socket());
  UniqueFd watch;
  for (;;) {
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return socket;
    }
    const int err = errno;
    if ((err != ENOENT && err != ECONNREFUSED && err != EAGAIN) || gone < 0) {
      return Error::sys("connect to " + quote(path), err)
          .as(err == ENOENT || err == ECONNREFUSED ? Errc::kNotFound : Errc::kRuntime);
    }
    if (!watch.is_open()) {
      watch = MOSB_TRY(watch_directory(path));
      continue;
    }
    std::array<pollfd, 2> fds{{{watch.get(), POLLIN, 0}, {gone, POLLIN, 0}}};
    (void)::poll(fds.data(),
                 fds.size(),
                 err == ENOENT ? deadline.poll_ms() : std::min(deadline.poll_ms(), kRetryMs));
    drain(watch.get());
    if (fds[1].revents != 0 || deadline.over()) {
      return waited("wait for " + quote(path), fds[1].revents != 0);
    }
  }
}

Result<UniqueFd> listen_unix(const std::string& path) {
  const sockaddr_un address = MOSB_TRY(address_of(path));
  UniqueFd socket = MOSB_TRY(make_socket());
  if (::fchmod(socket.get(), 0600) < 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      ::listen(socket.get(), 1) < 0) {
    return Error::sys("listen at " + quote(path), errno);
  }
  return socket;
}

Status wait_readable(int fd, int gone, const Deadline& deadline, const std::string& what) {
  for (;;) {
    std::array<pollfd, 2> fds{{{fd, POLLIN, 0}, {gone, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), deadline.poll_ms());
    if (ready < 0 && errno != EINTR) {
      return Error::sys(what, errno);
    }
    if (fds[0].revents != 0) {
      return ok();
    }
    if (has_ended(gone) || deadline.over()) {
      return waited(what, has_ended(gone));
    }
  }
}

}  // namespace mosb::kvm
