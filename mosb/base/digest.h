#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "mosb/base/result.h"

namespace mosb {

constexpr std::size_t kSha256Size = 32;
using Sha256 = std::array<std::byte, kSha256Size>;

/// A content digest. Only sha256 is accepted: everything mosb pins is pinned by it.
/// Spec: OCI image 1.1 §Digests.
class Digest {
 public:
  explicit Digest(const Sha256& bytes) : bytes_(bytes) {}

  /// Exactly "sha256:" and 64 lower-case hex digits. Errors: kContent.
  static Result<Digest> parse(std::string_view text);
  static Digest of(std::span<const std::byte> bytes);
  static Digest of(std::string_view bytes);

  const Sha256& bytes() const { return bytes_; }
  /// "sha256:<hex>".
  std::string str() const;
  /// The 64 hex digits: a safe file name.
  std::string hex() const;

  auto operator<=>(const Digest&) const = default;

 private:
  Sha256 bytes_;
};

/// sha256 over a stream of bytes.
class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  ~Hasher();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  /// The digest of everything so far; the hasher starts anew.
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace mosb
