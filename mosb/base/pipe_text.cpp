#include "mosb/base/pipe_text.h"

#include <array>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace mosb {

Result<PipeText> read_pipe(int pipe, ByteCount limit, const Deadline& deadline) {
  PipeText out;
  std::array<char, 4096> buffer{};
  while (out.text.size() <= limit.value) {
    pollfd fd{pipe, POLLIN, 0};
    const int ready = ::poll(&fd, 1, deadline.poll_ms());
    if (ready <= 0) {
      if (deadline.over()) {
        out.end = PipeText::End::kTimeout;
        return out;
      }
      continue;
    }
    const ssize_t n = ::read(pipe, buffer.data(), buffer.size());
    if (n == 0) {
      return out;
    }
    if (n > 0) {
      out.text.append(buffer.data(), static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      return Error::sys("read from a pipe", errno);
    }
  }
  out.end = PipeText::End::kTooMuch;
  return out;
}

}  // namespace mosb
