#include "mosb/cli/log_view.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lxc/log_times.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::cli {

namespace {

constexpr std::size_t kChunk = 64 * kKiB;
constexpr int kPollMs = 1000;
/// More are not looked for.
constexpr unsigned kMostLogs = 1000;

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

/// A log file and what of it is shown; of the newest one what comes after `end` as well.
struct Part {
  UniqueFd fd;
  ino_t inode = 0;
  SystemTime last_write{};
  off_t begin = 0;
  off_t end = 0;
};

struct Tail {
  off_t begin = 0;
  unsigned lines = 0;
};

/// Where the last `lines` lines between `begin` and `end` begin, or as many as there are.
Result<Tail> tail_of(const Part& part, unsigned lines) {
  std::array<std::byte, kChunk> buffer{};
  if (part.begin >= part.end || lines == 0) {
    return Tail{part.end, 0};
  }
  unsigned found = 0;
  for (off_t end = part.end; end > part.begin;) {
    const off_t begin = std::max(part.begin, end - static_cast<off_t>(kChunk));
    const std::size_t n = MOSB_TRY(sys::pread(
        part.fd.get(), std::span(buffer).first(static_cast<std::size_t>(end - begin)), begin));
    for (std::size_t i = n; i > 0; --i) {
      const off_t at = begin + static_cast<off_t>(i) - 1;
      if (buffer[i - 1] == std::byte{'\n'} && at + 1 < part.end && ++found == lines) {
        return Tail{at + 1, found};
      }
    }
    end = begin;
  }
  return Tail{part.begin, found + 1};
}

Result<Part> open_part(const std::string& path) {
  Part part{.fd = MOSB_TRY(sys::open(path, O_RDONLY | O_NOFOLLOW))};
  const struct stat st = MOSB_TRY(sys::fstat(part.fd.get(), path));
  part.inode = st.st_ino;
  part.last_write = SystemTime(std::chrono::seconds(st.st_mtim.tv_sec));
  part.end = st.st_size;
  return part;
}

std::string older(const std::string& path, unsigned n) {
  return n == 0 ? path : path + "." + std::to_string(n);
}

std::vector<lxc::LogTime> times_of(const std::string& log) {
  const auto text = read_file(lxc::log_times_name(log), ByteCount{2 * lxc::kMaxLogTimes.value});
  return text ? lxc::parse_log_times(*text) : std::vector<lxc::LogTime>();
}

/// Leaves of the part what is asked for, and tells whether older ones have nothing of that. `lines`
/// are wanted still.
Result<bool> narrow(Part& part,
                    const std::string& path,
                    const LogRequest& request,
                    unsigned& lines) {
  bool reached = false;
  if (request.since && part.last_write < *request.since) {
    part.begin = part.end;
    reached = true;
  } else if (request.since) {
    const std::vector<lxc::LogTime> times = times_of(path);
    part.begin = std::min(static_cast<off_t>(lxc::offset_since(times, *request.since)), part.end);
    reached = lxc::reaches_back_to(times, *request.since);
  }
  if (request.tail) {
    const Tail tail = MOSB_TRY(tail_of(part, lines));
    part.begin = tail.begin;
    lines -= tail.lines;
    reached = reached || lines == 0;
  }
  return reached;
}

/// The newest log and as many older ones as it takes, the oldest first. Without room for a new file
/// a rotation leaves older ones only.
Result<std::vector<Part>> choose_parts(const std::string& path, const LogRequest& request) {
  std::vector<Part> parts;
  std::optional<Error> missing;
  unsigned lines = request.tail.value_or(0);
  for (unsigned n = 0; n <= kMostLogs; ++n) {
    auto part = open_part(older(path, n));
    if (!part && n == 0) {
      missing = part.error();
      continue;
    }
    if (!part) {
      break;
    }
    // Rotated since the one before was opened.
    if (!parts.empty() && part->inode == parts.front().inode) {
      continue;
    }
    const bool reached = MOSB_TRY(narrow(*part, older(path, n), request, lines));
    parts.insert(parts.begin(), *std::move(part));
    if (reached) {
      break;
    }
  }
  if (parts.empty() && missing) {
    return *std::move(missing);
  }
  return parts;
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

/// The name of the file that was begun after the one of `inode`, which was rotated; "" if it was
/// not. More than one may have been begun since somebody looked.
std::string next_after(ino_t inode, const std::string& path) {
  const auto newest = sys::lstat(path);
  if (!newest || newest->st_ino == inode) {
    return "";
  }
  for (unsigned n = 1; n <= kMostLogs; ++n) {
    const auto st = sys::lstat(older(path, n));
    if (!st) {
      break;
    }
    if (st->st_ino == inode) {
      return older(path, n - 1);
    }
  }
  return path;
}

/// From part.begin on.
Status follow_log(Part part, const std::string& path, bool terminal) {
  const UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const std::string dir = path.substr(0, path.rfind('/'));
  if (!watch.is_open() ||
      ::inotify_add_watch(watch.get(), dir.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    return Error::sys("watch " + quote(dir), errno);
  }
  for (;;) {
    if (was_cut(part.fd.get(), path, part.begin)) {
      part.begin = 0;
    }
    // Asked first: what is in a file that was rotated by now is all that it gets.
    const std::string next = next_after(part.inode, path);
    part.begin = MOSB_TRY(copy_rest(part.fd.get(), part.begin, terminal));
    if (part.begin < 0) {
      return ok();
    }
    auto begun = next.empty() ? Result<Part>(Error(Errc::kNotFound, "")) : open_part(next);
    if (begun) {
      part = *std::move(begun);
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

Result<int> show_log(const std::string& path, const LogRequest& request) {
  auto parts = choose_parts(path, request);
  if (!parts) {
    return Error(Errc::kNotFound, "nothing was printed yet: " + parts.error().message());
  }
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  for (Part& part : *parts) {
    part.begin = MOSB_TRY(copy_rest(part.fd.get(), part.begin, terminal));
    if (part.begin < 0) {
      return 0;
    }
  }
  if (request.follow) {
    MOSB_CHECK(follow_log(std::move(parts->back()), path, terminal));
  }
  return 0;
}

}  // namespace mosb::cli
