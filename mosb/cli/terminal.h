#pragma once

#include <termios.h>

#include "mosb/base/owned.h"
#include "mosb/base/result.h"

namespace mosb::cli {

/// A terminal and how it was set.
struct TerminalState {
  int fd = -1;
  termios settings{};
};

struct RawTerminalTraits {
  using Resource = TerminalState;
  static Status close(const TerminalState& before);
};

/// A terminal that gives every key as it is typed, and is set back as it was when the value goes.
class RawTerminal : public Owned<RawTerminalTraits> {
 public:
  /// `fd` must be a terminal and stay open. Errors: kUsage if it is none.
  static Result<RawTerminal> make(int fd);

 private:
  using Owned::Owned;
};

}  // namespace mosb::cli
