#pragma once

#include <string>

#include "mosb/base/result.h"

namespace mosb::cli {

/// The key that detaches: Ctrl-].
inline constexpr char kDetachKey = '\x1d';

enum class ConsoleEnd { kDetached, kMachineStopped };

/// Joins standard input and output with a machine's serial console (qemu's socket) until the detach
/// key comes, standard input ends, a signal wants us to end, or the machine stops. A terminal is
/// raw meanwhile and set back on each of these ways out.
/// Errors: kNotFound if nothing listens at the socket; kRuntime for a signal that ended it.
Result<ConsoleEnd> join_console(const std::string& socket);

}  // namespace mosb::cli
