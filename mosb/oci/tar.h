#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mosb/base/result.h"
#include "mosb/oci/blob.h"

namespace mosb::oci {

struct TarEntry {
  enum class Kind { kFile, kDirectory, kSymlink, kOther };
  /// As it stands in the archive; "" if it can't be represented.
  std::string path;
  Kind kind = Kind::kOther;
  /// Of a file, in bytes.
  std::uint64_t size = 0;
  /// Where a symlink leads, as it stands there; "" if it can't be represented.
  std::string target = {};
};

/// Reads an uncompressed tar file from its start.
class TarReader {
 public:
  /// Errors: kNotFound, kContent if it is no regular file.
  static Result<TarReader> open(const std::string& file);
  /// The next entry, or nullopt at the end. Errors: kContent.
  Result<std::optional<TarEntry>> next();
  /// The content of the entry that next() gave. Errors: kContent.
  Status read(const BlobSink& sink);

 private:
  struct State;
  struct Close {
    void operator()(State* state) const;
  };
  explicit TarReader(std::unique_ptr<State, Close> state);
  std::unique_ptr<State, Close> state_;
};

/// Writes a tar file whose bytes depend on names and contents only.
class TarWriter {
 public:
  /// Into an empty file that the caller keeps open.
  static Result<TarWriter> create(int fd);
  Status add_directory(const std::string& path);
  Status add_file(const std::string& path, const std::string& from);
  /// Writes the end of the archive.
  Status finish();

 private:
  struct State;
  struct Close {
    void operator()(State* state) const;
  };
  explicit TarWriter(std::unique_ptr<State, Close> state);
  std::unique_ptr<State, Close> state_;
};

}  // namespace mosb::oci
