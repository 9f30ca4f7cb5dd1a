#pragma once

#include <cstddef>
#include <vector>

#include <poll.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/unique_fd.h"

namespace mosb::lxc {

/// One direction between a command and its caller. It waits for either side only in the caller's
/// poll(2): a command that writes before it reads, or a slow reader of the output, holds up nothing
/// else.
class ExecStream {
 public:
  enum class Direction { kToCommand, kFromCommand };

  /// `ours`: the pipe's or terminal's end that belongs to mosb; made non-blocking. `callers`: the
  /// descriptor of whoever runs the command, borrowed and left as it is.
  ExecStream(Direction direction, UniqueFd ours, int callers);

  /// Nothing more will pass, and `ours` is closed: the command sees the end, or SIGPIPE.
  bool is_over() const { return !ours_.is_open(); }
  /// The caller's side takes no more; what the command wrote is lost.
  bool is_broken() const { return broken_; }
  /// Something was read that the other side has not taken yet.
  bool is_holding() const { return !buffer_.empty(); }

  /// What must be ready before copy() gets on. Its fd is -1 when the stream is over.
  pollfd wanted() const;
  /// One read or one write, after wanted() came back from poll(2) with any event.
  void copy();
  /// The command has ended: input is over; of the output at most `limit` is still read, because a
  /// child it left behind may write for ever.
  void command_ended(ByteCount limit);
  void close();

 private:
  void take();
  void give();

  Direction direction_;
  UniqueFd ours_;
  int callers_;
  std::vector<std::byte> buffer_;
  ByteCount left_;
  bool broken_ = false;
};

}  // namespace mosb::lxc
