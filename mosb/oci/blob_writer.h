#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <sys/types.h>

#include "mosb/base/file_lock.h"
#include "mosb/base/owned.h"
#include "mosb/base/result.h"
#include "mosb/oci/blob.h"
#include "mosb/oci/descriptor.h"
#include "mosb/oci/growing_file_hash.h"

namespace mosb::oci {

/// Every temporary name starts so, to be told from what other tools leave.
inline constexpr char kTempPrefix[] = ".mosb-tmp-";
/// Followed by a digest's hex digits: what came of a blob whose fetching was ended.
inline constexpr char kPartPrefix[] = ".mosb-part-";
/// So long such a part waits for somebody to go on.
inline constexpr std::chrono::hours kPartLife{7 * 24};

struct TempFileTraits {
  using Resource = std::string;
  static Status close(const std::string& path);
};

/// A blob on its way into a layout: a file that is removed unless commit() or keep() is called. It
/// is locked while its writer lives, so that remove_abandoned() can tell what a killed process
/// left.
class BlobWriter {
 public:
  /// Under a random name. Room for the whole blob is reserved at once. Errors: kResource.
  static Result<BlobWriter> create(const std::string& temp_dir, const Descriptor& expected);
  /// Under a name made of the digest: goes on with what an earlier writer kept, or had when it was
  /// killed. Waits while another process writes the same blob; what that one was about may be done
  /// by then. Errors: kResource.
  static Result<BlobWriter> resume(const std::string& temp_dir, const Descriptor& expected);

  /// How much is there already.
  std::uint64_t size() const { return check_.seen(); }
  /// Errors: kContent at the first byte too many, kResource.
  Status write(std::span<const std::byte> bytes);
  /// Throws away what is there.
  Status restart();
  /// Leaves what is there, if anything is, to the next resume().
  void keep();
  /// Checks size and digest; then fsync, rename to `path`, fsync of its directory.
  Status commit(const std::string& path, mode_t mode);

 private:
  BlobWriter(FileLock lock, std::string path, const Descriptor& expected)
      : lock_(std::move(lock)), file_(std::move(path)), expected_(expected), check_(expected) {}
  Status take_over();
  Status check();

  // In this order: the name goes before the lock.
  FileLock lock_;
  Owned<TempFileTraits> file_;
  Descriptor expected_;
  BlobCheck check_;
  /// Hashes in its place, if the blob is large.
  std::unique_ptr<GrowingFileHash> hash_;
  /// Up to here the kernel was asked to write.
  std::uint64_t started_ = 0;
};

/// Of every file in a layout; the store's own directory is private.
inline constexpr mode_t kBlobMode = 0644;

/// A file name that nobody else uses, starting with kTempPrefix.
std::string random_temp_name();
/// Where resume() keeps what came of a blob.
std::string part_path(const std::string& temp_dir, const Digest& digest);
/// Removes what dead writers left in the directory: files and directories named with kTempPrefix
/// whose lock nobody holds, and parts that nobody has written to for kPartLife. Those of other
/// users stay.
Status remove_abandoned(const std::string& temp_dir);
/// Removes parts, too, however young, unless somebody writes to them.
Status remove_parts(const std::string& temp_dir);
/// The file inside a temporary directory that its owner keeps locked.
std::string lock_path_in(const std::string& temp);

}  // namespace mosb::oci
