#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "mosb/base/digest.h"
#include "mosb/base/error.h"
#include "mosb/base/result.h"

namespace mosb::oci {

/// The digest of a file while it grows: a thread of its own reads what is there already, so that
/// whoever writes does not wait for the hashing. What counts is what the file holds.
class GrowingFileHash {
 public:
  /// Takes `hasher` over, which has seen the first `hashed` bytes. nullptr where the processors
  /// have enough to do: then it stays with the writer. `fd` must be readable, and stay open and as
  /// it is up to here; `path` is for messages.
  static std::unique_ptr<GrowingFileHash> start(int fd,
                                                std::string path,
                                                std::uint64_t hashed,
                                                Hasher& hasher);
  GrowingFileHash(const GrowingFileHash&) = delete;
  GrowingFileHash& operator=(const GrowingFileHash&) = delete;
  GrowingFileHash(GrowingFileHash&&) = delete;
  GrowingFileHash& operator=(GrowingFileHash&&) = delete;
  /// Ends the thread, wherever it is.
  ~GrowingFileHash();

  /// The file has `size` bytes now, which don't change any more.
  void advance(std::uint64_t size);
  /// Of all bytes up to the last advance(); once. Errors: kResource if the file can't be read, or
  /// has become shorter.
  Result<Digest> finish();

 private:
  GrowingFileHash(int fd, std::string path, std::uint64_t hashed, Hasher& hasher);
  void run();
  Status hash_up_to(std::uint64_t end);

  int fd_;
  std::string path_;
  // Of the thread alone, until it was joined.
  std::uint64_t hashed_;
  Hasher hasher_;
  std::optional<Error> error_;

  std::mutex mutex_;
  std::condition_variable more_;
  std::uint64_t size_;
  /// Nothing follows `size_`.
  bool complete_ = false;
  bool given_up_ = false;
  std::thread thread_;
};

}  // namespace mosb::oci
