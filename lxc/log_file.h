#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "lxc/log_times.h"
#include "mosb/base/byte_count.h"
#include "mosb/base/clock.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"

namespace mosb::lxc {

/// A service's log: bytes as they come, in files of bounded size. NAME is the newest, NAME.1 the
/// one before, up to NAME.<keep>; mode 0600. Each has a file with times beside it (log_times.h).
class LogFile {
 public:
  /// Where and how much.
  struct Place {
    std::string path;
    ByteCount max;
    unsigned keep = 0;
  };
  /// Makes the directory and the file if they are missing. `clock` must outlive the value. Errors:
  /// kRuntime, or kResource.
  static Result<LogFile> open(const Place& place, const Clock& clock);

  /// Appends output of one of the two streams (1 or 2), whole lines at once and the rest of a line
  /// when it comes, so that the two do not mix. Never fails and never waits: what a full disk does
  /// not take is counted, and said in the log as soon as there is room again.
  void append(int stream, std::span<const char> bytes);
  /// Whether a line is held back that has no end yet.
  bool has_partial_line() const;
  /// Writes what is held back.
  void flush();
  /// Appends a line of our own.
  void note(const std::string& text);
  std::uint64_t lost() const { return lost_; }
  void sync() const;

 private:
  LogFile(UniqueFd dir, std::string name, const Place& place, const Clock& clock)
      : dir_(std::move(dir)),
        name_(std::move(name)),
        max_(place.max.value),
        keep_(place.keep),
        clock_(&clock) {}
  Status open_current();
  void open_times();
  void rotate();
  /// What is written next is written now.
  void note_time();
  /// How many bytes went to the file.
  std::size_t write_some(std::span<const char> bytes);
  void put(std::span<const char> bytes);
  void write_lines(int stream, std::span<const char> bytes);
  void say_what_was_lost();

  UniqueFd dir_;
  std::string name_;
  std::uint64_t max_;
  unsigned keep_;
  const Clock* clock_;
  UniqueFd file_;
  /// Closed where there is no room for times: the log does without.
  UniqueFd times_;
  std::uint64_t times_size_ = 0;
  std::optional<LogTime> last_time_;
  std::uint64_t size_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t lost_unsaid_ = 0;
  std::array<std::string, 2> partial_;
  int last_stream_ = 0;
  bool at_line_start_ = true;
};

}  // namespace mosb::lxc
