#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "mosb/base/digest.h"
#include "mosb/base/result.h"

namespace mosb::verity {

/// The root of a layer's hash tree; with the layer's size it pins every byte of the file system.
class RootHash {
 public:
  explicit RootHash(const Sha256& bytes) : bytes_(bytes) {}
  /// Exactly 64 lower-case hex digits. Errors: kVerity.
  static Result<RootHash> parse(std::string_view text);

  const Sha256& bytes() const { return bytes_; }
  /// The 64 hex digits: a safe file name.
  std::string hex() const;

  auto operator<=>(const RootHash&) const = default;

 private:
  Sha256 bytes_;
};

}  // namespace mosb::verity
