#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include <sys/types.h>

#include "mosb/base/file_lock.h"
#include "mosb/base/owned.h"
#include "mosb/base/result.h"
#include "mosb/oci/blob.h"
#include "mosb/oci/descriptor.h"

namespace mosb::oci {

/// Every temporary name starts so, to be told from what other tools leave.
inline constexpr char kTempPrefix[] = ".mosb-tmp-";

struct TempFileTraits {
  using Resource = std::string;
  static Status close(const std::string& path);
};

/// A blob on its way into a layout: a file under a random name that is removed unless commit()
/// succeeds. It is locked while its writer lives, so that remove_abandoned() can tell what a killed
/// process left.
class BlobWriter {
 public:
  /// Room for the whole blob is reserved at once. Errors: kResource.
  static Result<BlobWriter> create(const std::string& temp_dir, const Descriptor& expected);

  /// Errors: kContent at the first byte too many, kResource.
  Status write(std::span<const std::byte> bytes);
  /// Checks size and digest; then fsync, rename to `path`, fsync of its directory.
  Status commit(const std::string& path, mode_t mode);

 private:
  BlobWriter(FileLock lock, std::string path, const Descriptor& expected)
      : lock_(std::move(lock)), file_(std::move(path)), check_(expected) {}

  // In this order: the name goes before the lock.
  FileLock lock_;
  Owned<TempFileTraits> file_;
  BlobCheck check_;
  /// Up to here the kernel was asked to write.
  std::uint64_t started_ = 0;
};

/// Of every file in a layout; the store's own directory is private.
inline constexpr mode_t kBlobMode = 0644;

/// A file name that nobody else uses, starting with kTempPrefix.
std::string random_temp_name();
/// Removes what dead writers left in the directory: files and directories named with kTempPrefix
/// whose lock nobody holds. Those of other users stay.
Status remove_abandoned(const std::string& temp_dir);
/// The file inside a temporary directory that its owner keeps locked.
std::string lock_path_in(const std::string& temp);

}  // namespace mosb::oci
