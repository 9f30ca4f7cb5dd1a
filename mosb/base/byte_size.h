#pragma once

#include <string_view>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb {

/// A whole number and a unit: K, M, G, T (or KB, MB, …) are powers of 1000; Ki, Mi, Gi, Ti (or KiB,
/// MiB, …) powers of 1024. A number without a unit is refused, because readers differ on what it
/// means. Errors: kContent.
Result<ByteCount> parse_byte_size(std::string_view text);

}  // namespace mosb
