#pragma once

#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// What of a console's log is kept: the file that is written to, and so many older ones
/// (LOG.1 is the youngest).
inline constexpr ByteCount kMaxConsoleLog{10 * kMiB};
inline constexpr unsigned kOldConsoleLogs = 5;

/// It is longer than that. A missing one is not.
Result<bool> console_log_is_full(const std::string& path);

/// Turns a log over that is full while nobody writes to it. A missing one is success.
Status rotate_console_log(const std::string& path);

/// The same while qemu writes to it: the text is copied and the file cut to nothing, which loses
/// what comes between the two.
Status rotate_open_console_log(const std::string& path);

/// With all older ones. Gone is success.
Status remove_console_log(const std::string& path);

}  // namespace mosb::agent
