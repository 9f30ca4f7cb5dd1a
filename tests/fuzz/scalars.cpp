#include <string>

#include "fuzz.h"
#include "mosb/base/base64.h"
#include "mosb/base/byte_size.h"
#include "mosb/base/digest.h"
#include "mosb/base/duration.h"
#include "mosb/base/hex.h"
#include "mosb/base/number.h"
#include "mosb/base/signal_name.h"
#include "mosb/base/text.h"

using namespace mosb;  // NOLINT(google-build-using-namespace): a target is one function

/// The small texts of mosb/base: each accepted text has one meaning and prints as itself.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  if (const auto bytes = from_hex(text)) {
    fuzz::require(to_hex(*bytes) == text);
  }
  if (const auto bytes = base64_decode(text)) {
    fuzz::require(base64_encode(*bytes) == text);
  }
  if (const auto bytes = base64url_decode(text)) {
    fuzz::require(base64url_encode(*bytes) == text);
  }
  if (const auto digest = Digest::parse(text)) {
    fuzz::require(digest->str() == text);
  }
  if (const auto number = parse_uint(text, 0, UINT64_MAX)) {
    fuzz::require(std::to_string(*number) == text);
  }
  if (const auto duration = parse_duration(text)) {
    fuzz::require(*parse_duration(duration_text(*duration)) == *duration);
  }
  if (const auto signal = parse_signal(text)) {
    fuzz::require(*signal >= 1 && *signal <= 64 && *parse_signal(signal_name(*signal)) == *signal);
  }
  (void)parse_byte_size(text);
  fuzz::require(is_utf8(escape(text)) && is_printable_line(escape(text)));
  fuzz::require(quote(text).size() < 900);
  return 0;
}
