#include "mosb/cli/terminal.h"

#include <cerrno>

namespace mosb::cli {

Status RawTerminalTraits::close(const TerminalState& before) {
  if (::tcsetattr(before.fd, TCSADRAIN, &before.settings) < 0) {
    return Error::sys("set the terminal back", errno);
  }
  return ok();
}

Result<RawTerminal> RawTerminal::make(int fd) {
  TerminalState before{fd, {}};
  if (::tcgetattr(fd, &before.settings) < 0) {
    return Error::sys("look at the terminal", errno).as(Errc::kUsage);
  }
  termios raw = before.settings;
  ::cfmakeraw(&raw);
  if (::tcsetattr(fd, TCSADRAIN, &raw) < 0) {
    return Error::sys("set the terminal", errno).as(Errc::kUsage);
  }
  return RawTerminal(before);
}

}  // namespace mosb::cli
