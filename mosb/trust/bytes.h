#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace mosb::trust {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace mosb::trust
