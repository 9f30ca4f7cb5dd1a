#pragma once

#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb {

/// "SIGTERM", "TERM" or "15", as OCI image configurations write it; real-time signals as
/// "SIGRTMIN+3" too. Errors: kContent.
Result<int> parse_signal(std::string_view text);
/// "TERM"; a signal without a name of its own as its number.
std::string signal_name(int signal);

}  // namespace mosb
