#include "mosb/cli/log_view.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <span>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::cli {

namespace {

constexpr std::size_t kChunk = 64 * kKiB;
constexpr int kPollMs = 1000;

/// A log line must not steer the terminal; a pipe gets the bytes as they are.
bool put(std::string_view bytes, bool terminal) {
  if (!terminal) {
    return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size();
  }
  std::string shown;
  for (const std::string& line : split(bytes, '\n')) {
    shown += escape(line) + "\n";
  }
  shown.pop_back();
  return std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size();
}

/// Where the last `lines` lines begin.
Result<off_t> tail_offset(int fd, off_t size, unsigned lines) {
  std::array<std::byte, kChunk> buffer{};
  off_t end = size;
  unsigned found = 0;
  while (end > 0) {
    const off_t begin = end > static_cast<off_t>(kChunk) ? end - static_cast<off_t>(kChunk) : 0;
    const std::size_t n = MOSB_TRY(
        sys::pread(fd, std::span(buffer).first(static_cast<std::size_t>(end - begin)), begin));
    for (std::size_t i = n; i > 0; --i) {
      const off_t at = begin + static_cast<off_t>(i) - 1;
      if (buffer[i - 1] == std::byte{'\n'} && at + 1 < size && ++found == lines) {
        return at + 1;
      }
    }
    end = begin;
  }
  return off_t{0};
}

/// Copies from `offset` to the end; the value is the new offset, or -1 if the reader went away.
Result<off_t> copy_rest(int fd, off_t offset, bool terminal) {
  std::array<std::byte, kChunk> buffer{};
  for (;;) {
    const std::size_t n = MOSB_TRY(sys::pread(fd, buffer, offset));
    if (n == 0) {
      return std::fflush(stdout) == 0 ? offset : off_t{-1};
    }
    const std::string_view bytes(reinterpret_cast<const char*>(buffer.data()), n);
    if (!put(bytes, terminal)) {
      return off_t{-1};
    }
    offset += static_cast<off_t>(n);
  }
}

/// It was cut to nothing: the log of a machine's console is turned over so.
bool was_cut(int fd, const std::string& path, off_t offset) {
  const auto st = sys::fstat(fd, path);
  return st && st->st_size < offset;
}

/// The file under the name is another one than `fd`: it was rotated.
bool rotated(int fd, const std::string& path) {
  const auto mine = sys::fstat(fd, path);
  const auto there = sys::lstat(path);
  return mine && there && mine->st_ino != there->st_ino;
}

Status follow_log(UniqueFd fd, const std::string& path, off_t offset, bool terminal) {
  const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string dir = path.substr(0, path.rfind('/'));
  if (!watch.is_open() ||
      ::inotify_add_watch(watch.get(), dir.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    return Error::sys("watch " + quote(dir), errno);
  }
  for (;;) {
    if (was_cut(fd.get(), path, offset)) {
      offset = 0;
    }
    offset = MOSB_TRY(copy_rest(fd.get(), offset, terminal));
    if (offset < 0) {
      return ok();
    }
    if (rotated(fd.get(), path)) {
      fd = MOSB_TRY(sys::open(path, O_RDONLY | O_NOFOLLOW));
      offset = 0;
      continue;
    }
    std::array<pollfd, 2> fds{{{watch.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
    (void)::poll(fds.data(), fds.size(), kPollMs);
    if ((fds[1].revents & (POLLERR | POLLHUP)) != 0) {
      return ok();
    }
    std::array<char, 4096> events{};
    while (::read(watch.get(), events.data(), events.size()) > 0) {
    }
  }
}

}  // namespace

Result<int> show_log(const std::string& path, unsigned tail, bool follow) {
  auto fd = sys::open(path, O_RDONLY | O_NOFOLLOW);
  if (!fd) {
    return Error(Errc::kNotFound, "nothing was printed yet: " + fd.error().message());
  }
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const struct stat st = MOSB_TRY(sys::fstat(fd->get(), path));
  off_t offset = tail == 0 ? st.st_size : MOSB_TRY(tail_offset(fd->get(), st.st_size, tail));
  offset = MOSB_TRY(copy_rest(fd->get(), offset, terminal));
  if (follow && offset >= 0) {
    MOSB_CHECK(follow_log(*std::move(fd), path, offset, terminal));
  }
  return 0;
}

}  // namespace mosb::cli
