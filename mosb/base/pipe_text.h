#pragma once

#include <string>

#include "mosb/base/byte_count.h"
#include "mosb/base/deadline.h"
#include "mosb/base/result.h"

namespace mosb {

/// What came out of a pipe, and why no more was read.
struct PipeText {
  enum class End { kClosed, kTooMuch, kTimeout };
  std::string text;
  End end = End::kClosed;
};

/// Reads what another process says until it closes its end, more than `limit` bytes have come, or
/// the deadline is over. Errors: kIo.
Result<PipeText> read_pipe(int pipe, ByteCount limit, const Deadline& deadline);

}  // namespace mosb
