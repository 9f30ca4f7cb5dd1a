#pragma once

#include <compare>
#include <cstdint>

namespace mosb {

/// A number of bytes; also the type of every limit on what is read from outside.
struct ByteCount {
  std::uint64_t value = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in what is generated
  auto operator<=>(const ByteCount&) const = default;
};

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

}  // namespace mosb
