#include "lxc/log_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

/// Longer lines are written in pieces.
constexpr std::size_t kMaxPartialLine = 8192;
constexpr int kAppend = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

/// With its times: those of another file would be wrong ones.
void turn_over(int dir, const std::string& from, const std::string& to) {
  (void)::renameat(dir, from.c_str(), dir, to.c_str());
  const std::string times = log_times_name(to);
  if (::renameat(dir, log_times_name(from).c_str(), dir, times.c_str()) != 0) {
    (void)::unlinkat(dir, times.c_str(), 0);
  }
}

}  // namespace

Result<LogFile> LogFile::open(const Place& place, const Clock& clock) {
  const std::size_t slash = place.path.rfind('/');
  if (slash == std::string::npos || slash + 1 == place.path.size()) {
    return Error(Errc::kRuntime, "log file " + quote(place.path) + " is no file's path");
  }
  const std::string dir_path = slash == 0 ? "/" : place.path.substr(0, slash);
  if (slash > 0) {
    MOSB_CHECK(sys::mkdir_all(dir_path, 0755).context("open the log"));
  }
  UniqueFd dir = MOSB_TRY(sys::open(dir_path, O_RDONLY | O_DIRECTORY).context("open the log"));
  LogFile log(std::move(dir), place.path.substr(slash + 1), place, clock);
  MOSB_CHECK(log.open_current());
  return log;
}

Status LogFile::open_current() {
  file_ = MOSB_TRY(sys::openat(dir_.get(), name_, kAppend, 0600).context("open the log"));
  const struct stat st = MOSB_TRY(sys::fstat(file_.get(), name_));
  if (!S_ISREG(st.st_mode)) {
    file_.reset();
    return Error(Errc::kRuntime, "log file " + quote(name_) + " is not a regular file");
  }
  size_ = static_cast<std::uint64_t>(st.st_size);
  open_times();
  return ok();
}

void LogFile::open_times() {
  last_time_.reset();
  times_.reset();
  const std::string name = log_times_name(name_);
  auto file = sys::openat(dir_.get(), name, kAppend, 0600);
  const auto st = file ? sys::fstat(file->get(), name) : Result<struct stat>(file.error());
  if (!st || !S_ISREG(st->st_mode)) {
    return;
  }
  times_ = *std::move(file);
  times_size_ = static_cast<std::uint64_t>(st->st_size);
  // A crash may have cut its last line.
  if (times_size_ > 0 && ::write(times_.get(), "\n", 1) == 1) {
    ++times_size_;
  }
}

void LogFile::note_time() {
  const LogTime now{clock_->now(), size_};
  if (!times_.is_open() || times_size_ >= kMaxLogTimes.value ||
      (last_time_ && !is_worth_a_time(*last_time_, now))) {
    return;
  }
  last_time_ = now;
  const std::string line = print_log_time(now);
  const ssize_t n = ::write(times_.get(), line.data(), line.size());
  times_size_ += n > 0 ? static_cast<std::uint64_t>(n) : 0;
}

void LogFile::rotate() {
  const auto numbered = [&](unsigned n) {
    return n == 0 ? name_ : name_ + "." + std::to_string(n);
  };
  if (keep_ == 0) {
    (void)!::ftruncate(file_.get(), 0);
    size_ = 0;
    (void)::unlinkat(dir_.get(), log_times_name(name_).c_str(), 0);
    open_times();
    return;
  }
  for (unsigned n = keep_; n > 0; --n) {
    turn_over(dir_.get(), numbered(n - 1), numbered(n));
  }
  if (!open_current()) {
    file_.reset();  // no room for a new file: lines are lost until there is
  }
}

std::size_t LogFile::write_some(std::span<const char> bytes) {
  if (!file_.is_open() && !open_current()) {
    return 0;
  }
  note_time();
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(file_.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  size_ += done;
  return done;
}

void LogFile::put(std::span<const char> bytes) {
  if (size_ > 0 && size_ + bytes.size() > max_) {
    rotate();
  }
  const std::size_t done = write_some(bytes);
  lost_ += bytes.size() - done;
  lost_unsaid_ += bytes.size() - done;
  if (done > 0) {
    at_line_start_ = bytes[done - 1] == '\n';
  }
}

void LogFile::note(const std::string& text) {
  const std::string line = (at_line_start_ ? "" : "\n") + ("mosb: " + text) + "\n";
  if (size_ > 0 && size_ + line.size() > max_) {
    rotate();
  }
  if (write_some(line) == line.size()) {
    at_line_start_ = true;
  }
}

void LogFile::say_what_was_lost() {
  if (lost_unsaid_ == 0) {
    return;
  }
  const std::uint64_t before = size_;
  note(std::to_string(lost_unsaid_) + " bytes of output were lost: no room for the log");
  if (size_ > before) {
    lost_unsaid_ = 0;
  }
}

void LogFile::write_lines(int stream, std::span<const char> bytes) {
  say_what_was_lost();
  if (stream != last_stream_ && !at_line_start_) {
    put(std::span("\n", 1));  // a line without an end stays a line of its own
  }
  last_stream_ = stream;
  // A chunk goes to one file up to its last whole line, so that rotation falls between lines.
  while (!bytes.empty()) {
    std::size_t piece = std::min<std::size_t>(bytes.size(), max_);
    if (size_ > 0 && size_ + piece > max_) {
      const std::uint64_t room = max_ > size_ ? max_ - size_ : 0;
      const auto fitting = bytes.first(std::min<std::size_t>(bytes.size(), room));
      const auto newline = std::find(fitting.rbegin(), fitting.rend(), '\n');
      if (newline != fitting.rend()) {
        piece = static_cast<std::size_t>(fitting.rend() - newline);
      }
    }
    put(bytes.first(piece));
    bytes = bytes.subspan(piece);
  }
}

void LogFile::append(int stream, std::span<const char> bytes) {
  std::string& partial = partial_.at(static_cast<std::size_t>(stream - 1));
  if (!partial.empty()) {
    // In one piece with its end, or rotation could come between.
    const auto end = std::find(bytes.begin(), bytes.end(), '\n');
    const auto ended = static_cast<std::size_t>(end - bytes.begin()) + (end == bytes.end() ? 0 : 1);
    partial.append(bytes.data(), ended);
    bytes = bytes.subspan(ended);
    if (partial.back() != '\n' && partial.size() < kMaxPartialLine) {
      return;
    }
    write_lines(stream, partial);
    partial.clear();
  }
  const auto newline = std::find(bytes.rbegin(), bytes.rend(), '\n');
  const auto whole = bytes.first(static_cast<std::size_t>(bytes.rend() - newline));
  if (!whole.empty()) {
    write_lines(stream, whole);
  }
  const auto rest = bytes.subspan(whole.size());
  partial.append(rest.data(), rest.size());
  if (partial.size() >= kMaxPartialLine) {
    write_lines(stream, partial);
    partial.clear();
  }
}

bool LogFile::has_partial_line() const {
  return !partial_[0].empty() || !partial_[1].empty();
}

void LogFile::flush() {
  for (int stream : {1, 2}) {
    std::string& partial = partial_.at(static_cast<std::size_t>(stream - 1));
    if (!partial.empty()) {
      write_lines(stream, partial);
      partial.clear();
    }
  }
}

void LogFile::sync() const {
  if (file_.is_open()) {
    (void)::fdatasync(file_.get());
  }
}

}  // namespace mosb::lxc
