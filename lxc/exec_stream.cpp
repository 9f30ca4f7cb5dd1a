#include "lxc/exec_stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <limits>

#include <fcntl.h>
#include <unistd.h>

namespace mosb::lxc {

ExecStream::ExecStream(Direction direction, UniqueFd ours, int callers)
    : direction_(direction),
      ours_(std::move(ours)),
      callers_(callers),
      left_{std::numeric_limits<std::uint64_t>::max()} {
  (void)::fcntl(ours_.get(), F_SETFL, O_NONBLOCK);
}

pollfd ExecStream::wanted() const {
  if (is_over()) {
    return {-1, 0, 0};
  }
  const bool ours = (direction_ == Direction::kFromCommand) != is_holding();
  return {ours ? ours_.get() : callers_, static_cast<short>(is_holding() ? POLLOUT : POLLIN), 0};
}

void ExecStream::copy() {
  if (is_holding()) {
    give();
  } else if (!is_over()) {
    take();
  }
}

void ExecStream::command_ended(ByteCount limit) {
  if (direction_ == Direction::kToCommand) {
    close();
  }
  left_ = limit;
}

void ExecStream::close() {
  buffer_.clear();
  ours_.reset();
}

void ExecStream::take() {
  std::array<std::byte, 16384> chunk;  // NOLINT(cppcoreguidelines-pro-type-member-init): read below
  const std::size_t wanted = std::min<std::uint64_t>(chunk.size(), left_.value);
  const int from = direction_ == Direction::kFromCommand ? ours_.get() : callers_;
  const ssize_t n = ::read(from, chunk.data(), wanted);
  if (n > 0) {
    left_.value -= static_cast<std::uint64_t>(n);
    buffer_.assign(chunk.begin(), chunk.begin() + n);
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    close();
  }
}

void ExecStream::give() {
  const bool to_command = direction_ == Direction::kToCommand;
  // The caller's descriptor may block: no more than a pipe that poll(2) calls writable has room
  // for.
  const std::size_t most =
      to_command ? buffer_.size() : std::min<std::size_t>(buffer_.size(), PIPE_BUF);
  const ssize_t n = ::write(to_command ? ours_.get() : callers_, buffer_.data(), most);
  if (n > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + n);
  } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
    broken_ = !to_command;
    close();
  }
}

}  // namespace mosb::lxc
