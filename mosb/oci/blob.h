#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "mosb/base/digest.h"
#include "mosb/base/result.h"
#include "mosb/base/unique_fd.h"
#include "mosb/oci/descriptor.h"

namespace mosb::oci {

/// Takes a blob's bytes in order, as they come.
using BlobSink = std::function<Status(std::span<const std::byte>)>;

/// Checks bytes as they stream by: never more than the descriptor's size, and in the end its
/// digest.
class BlobCheck {
 public:
  explicit BlobCheck(const Descriptor& expected);
  /// Errors: kContent at the first byte too many.
  Status update(std::span<const std::byte> bytes);
  /// Errors: kContent if bytes are missing or the digest differs.
  Status finish();

  // Where somebody else hashes the bytes, from seen() on.
  Hasher& hasher() { return hasher_; }
  /// As update(), for bytes that are only counted here.
  Status count(std::size_t bytes);
  /// As finish(), with the digest of all of them.
  Status finish(const Digest& found) const;

  std::uint64_t seen() const { return seen_; }

 private:
  Digest digest_;
  std::uint64_t size_;
  std::uint64_t seen_ = 0;
  Hasher hasher_;
};

/// Size and digest of bytes in memory. Errors: kContent.
Status check_content(const Descriptor& expected, std::string_view bytes);

/// Reads a BlobSource once, from its start.
class BlobReader {
 public:
  explicit BlobReader(UniqueFd file) : source_(std::move(file)) {}
  explicit BlobReader(std::string bytes) : source_(std::move(bytes)) {}
  /// Fewer bytes than asked for only at the end.
  Result<std::size_t> read(std::span<std::byte> buffer);

 private:
  std::variant<UniqueFd, std::string> source_;
  std::size_t offset_ = 0;
};

/// Where push_blob() takes the bytes from; may be opened several times (a retry starts anew).
class BlobSource {
 public:
  /// A regular file that stays as it is meanwhile.
  static BlobSource file(std::string path);
  static BlobSource bytes(std::string bytes);

  Result<BlobReader> open() const;
  /// Everything, in order, into the sink.
  Status read_into(const BlobSink& sink) const;

 private:
  struct Path {
    std::string path;
  };
  explicit BlobSource(std::variant<Path, std::string> from) : from_(std::move(from)) {}
  std::variant<Path, std::string> from_;
};

}  // namespace mosb::oci
