#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"

namespace mosb::verity {

/// The most that one may have. With RSA and without certificates it has some 500 bytes.
inline constexpr ByteCount kMaxRootHashSignature{8 * kKiB};

/// A signature over a root hash for the kernel's own keyrings: PKCS #7, detached, DER, over the 64
/// lower-case hex digits. Whether it is good, and of which root hash, the kernel alone says.
/// Spec: Linux Documentation/admin-guide/device-mapper/verity.rst, root_hash_sig_key_desc; RFC
/// 2315.
class RootHashSignature {
 public:
  /// The base64 of an annotation. Errors: kVerity.
  static Result<RootHashSignature> parse(std::string_view text);
  /// One ContentInfo with signed data, by its first bytes, and nothing after it. Errors: kVerity.
  static Result<RootHashSignature> from_der(std::vector<std::byte> der);

  std::span<const std::byte> der() const { return der_; }
  std::string base64() const;

  bool operator==(const RootHashSignature&) const = default;

 private:
  explicit RootHashSignature(std::vector<std::byte> der) : der_(std::move(der)) {}

  std::vector<std::byte> der_;
};

}  // namespace mosb::verity
