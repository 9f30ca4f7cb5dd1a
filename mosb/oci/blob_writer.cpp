#include "mosb/oci/blob_writer.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/disk_space.h"
#include "mosb/base/file.h"
#include "mosb/base/random.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr ByteCount kWriteBack{8 * kMiB};

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

/// Whether a lock was taken on a file that somebody else removed in the meantime.
Result<bool> is_unlinked(const FileLock& lock, const std::string& path) {
  return MOSB_TRY(sys::fstat(lock.fd(), path)).st_nlink == 0;
}

Status remove_if_abandoned(const std::string& path) {
  const auto st = sys::lstat(path);
  // Another user's is not ours to touch: the directory may be one that many write to.
  if (!st || st->st_uid != ::geteuid()) {
    return ok();
  }
  const bool is_dir = S_ISDIR(st->st_mode);
  if (!is_dir && !S_ISREG(st->st_mode)) {
    return sys::unlink(path);
  }
  const auto lock = FileLock::acquire(is_dir ? lock_path_in(path) : path);
  if (!lock) {
    // Held by a living writer, or gone by now.
    return ok();
  }
  return remove_tree(path);
}

}  // namespace

Status TempFileTraits::close(const std::string& path) {
  return sys::unlink(path);
}

std::string lock_path_in(const std::string& temp) {
  return temp + "/lock";
}

std::string random_temp_name() {
  return kTempPrefix + random_hex(12);
}

Result<BlobWriter> BlobWriter::create(const std::string& temp_dir, const Descriptor& expected) {
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    const std::string path = temp_dir + "/" + random_temp_name();
    auto lock = FileLock::acquire(path);
    if (!lock && lock.error().code() != Errc::kBusy) {
      return std::move(lock).error();
    }
    // A cleaner may have come between the file's creation and its lock.
    if (!lock || MOSB_TRY(is_unlinked(*lock, path))) {
      continue;
    }
    BlobWriter writer(*std::move(lock), path, expected);
    MOSB_CHECK(reserve_space(writer.lock_.fd(), ByteCount{expected.size}, expected.digest.str()));
    return writer;
  }
  return Error(Errc::kBusy, "make a temporary file in " + quote(temp_dir) + ": it vanishes");
}

Status BlobWriter::write(std::span<const std::byte> bytes) {
  MOSB_CHECK(check_.update(bytes));
  MOSB_CHECK(sys::write_all(lock_.fd(), bytes).context(quote(file_.get())));
  // What is on its way to the disk already, commit() need not wait for. Only a hint: it proves
  // nothing, so errors are left to fsync(2).
  if (check_.seen() - started_ >= kWriteBack.value) {
    (void)::sync_file_range(lock_.fd(),
                            static_cast<off_t>(started_),
                            static_cast<off_t>(check_.seen() - started_),
                            SYNC_FILE_RANGE_WRITE);
    started_ = check_.seen();
  }
  return ok();
}

Status BlobWriter::commit(const std::string& path, mode_t mode) {
  MOSB_CHECK(check_.finish());
  if (::fchmod(lock_.fd(), mode) < 0) {
    return Error::sys("chmod " + quote(file_.get()), errno);
  }
  MOSB_CHECK(sys::fsync(lock_.fd(), file_.get()));
  MOSB_CHECK(sys::rename(file_.get(), path));
  (void)file_.release();
  return fsync_dir(parent_of(path));
}

Status remove_abandoned(const std::string& temp_dir) {
  for (const std::string& name : MOSB_TRY(list_dir(temp_dir))) {
    if (name.rfind(kTempPrefix, 0) == 0) {
      MOSB_CHECK(remove_if_abandoned(temp_dir + "/" + name));
    }
  }
  return ok();
}

}  // namespace mosb::oci
