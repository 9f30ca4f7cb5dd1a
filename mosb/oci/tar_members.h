#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "mosb/base/byte_count.h"
#include "mosb/base/result.h"
#include "mosb/oci/blob.h"

namespace mosb::oci {

/// The files in an uncompressed tar file, read where they lie: nothing is unpacked, and no path of
/// the tar means anything outside of it.
class TarMembers {
 public:
  struct Member {
    /// Its place among all entries.
    std::size_t number = 0;
    /// In bytes.
    std::uint64_t size = 0;
  };

  /// Reads the headers; what has `..` in its name is nobody's. Errors: kNotFound, kContent for what
  /// is no tar, has too many entries, or one of its names twice.
  static Result<TarMembers> open(const std::string& file);

  bool contains(std::string_view path) const;
  /// The file of that name, over symlinks to others in the tar. Errors: kContent if there is none,
  /// it is no plain file, larger than the tar (holes), or a path leaves the tar.
  Result<Member> find(std::string_view path) const;
  /// Its bytes from `from` on. Errors: kContent if the tar is another one by now; those of the
  /// sink.
  Status stream(const Member& member, std::uint64_t from, const BlobSink& sink) const;
  /// All of a small one. Errors: kContent.
  Result<std::string> read(const Member& member, ByteCount limit) const;
  /// The first bytes, at most `count`.
  Result<std::string> read_start(const Member& member, std::size_t count) const;

 private:
  struct Entry {
    Member member;
    /// Of a symlink.
    std::optional<std::string> link = std::nullopt;
    bool is_file = false;
  };
  explicit TarMembers(std::string file) : file_(std::move(file)) {}
  Status take_headers();

  std::string file_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace mosb::oci
