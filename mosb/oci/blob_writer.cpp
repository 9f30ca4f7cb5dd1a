#include "mosb/oci/blob_writer.h"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/disk_space.h"
#include "mosb/base/file.h"
#include "mosb/base/log.h"
#include "mosb/base/random.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::oci {

namespace {

constexpr ByteCount kWriteBack{8 * kMiB};
/// A thread for less would cost more than it saves.
constexpr ByteCount kHashBeside{4 * kMiB};

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

/// Whether the lock is on the file that has this name now: somebody else may have removed or
/// renamed it before the lock was had.
Result<bool> has_name(const FileLock& lock, const std::string& path) {
  const struct stat locked = MOSB_TRY(sys::fstat(lock.fd(), path));
  const auto named = sys::lstat(path);
  return named && named->st_dev == locked.st_dev && named->st_ino == locked.st_ino;
}

Result<FileLock> lock_part(const std::string& path, const Digest& digest) {
  auto lock = FileLock::acquire(path);
  if (lock || lock.error().code() != Errc::kBusy) {
    return lock;
  }
  log::info("another mosb fetches " + digest.str() + ": waiting for it");
  return FileLock::wait(path);
}

bool is_old(const struct stat& st) {
  const auto now = std::chrono::system_clock::now();
  return std::chrono::system_clock::from_time_t(st.st_mtime) + kPartLife < now;
}

Status remove_if_abandoned(const std::string& path, bool even_if_young) {
  const auto st = sys::lstat(path);
  // Another user's is not ours to touch: the directory may be one that many write to.
  if (!st || st->st_uid != ::geteuid() || (!even_if_young && !is_old(*st))) {
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
    if (!lock || !MOSB_TRY(has_name(*lock, path))) {
      continue;
    }
    BlobWriter writer(*std::move(lock), path, expected);
    MOSB_CHECK(reserve_space(writer.lock_.fd(), ByteCount{expected.size}, expected.digest.str()));
    return writer;
  }
  return Error(Errc::kBusy, "make a temporary file in " + quote(temp_dir) + ": it vanishes");
}

Result<BlobWriter> BlobWriter::resume(const std::string& temp_dir, const Descriptor& expected) {
  const std::string path = part_path(temp_dir, expected.digest);
  for (;;) {
    FileLock lock = MOSB_TRY(lock_part(path, expected.digest));
    // Whoever had it before may have finished or removed it.
    if (!MOSB_TRY(has_name(lock, path))) {
      continue;
    }
    BlobWriter writer(std::move(lock), path, expected);
    MOSB_CHECK(writer.take_over());
    MOSB_CHECK(reserve_space(writer.lock_.fd(), ByteCount{expected.size}, expected.digest.str()));
    return writer;
  }
}

/// A part proves nothing: it is hashed like what comes after it.
Status BlobWriter::take_over() {
  const struct stat st = MOSB_TRY(sys::fstat(lock_.fd(), file_.get()));
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) > expected_.size) {
    return restart();
  }
  std::vector<std::byte> buffer(256 * kKiB);
  for (;;) {
    const std::size_t n = MOSB_TRY(sys::read(lock_.fd(), buffer).context(quote(file_.get())));
    MOSB_CHECK(check_.update(std::span(buffer).first(n)));
    if (n < buffer.size()) {
      break;
    }
  }
  started_ = check_.seen();
  return ok();
}

Status BlobWriter::restart() {
  if (::ftruncate(lock_.fd(), 0) < 0 || ::lseek(lock_.fd(), 0, SEEK_SET) < 0) {
    return Error::sys("empty " + quote(file_.get()), errno);
  }
  hash_.reset();
  check_ = BlobCheck(expected_);
  started_ = 0;
  return ok();
}

void BlobWriter::keep() {
  if (check_.seen() > 0) {
    // The room that was reserved for the rest is given back; without that it is only taken longer.
    if (::ftruncate(lock_.fd(), static_cast<off_t>(check_.seen())) < 0) {
      log::debug("shorten " + quote(file_.get()) + ": " + std::to_string(errno));
    }
    (void)file_.release();
  }
}

Status BlobWriter::write(std::span<const std::byte> bytes) {
  if (!hash_ && expected_.size - check_.seen() >= kHashBeside.value) {
    hash_ = GrowingFileHash::start(lock_.fd(), file_.get(), check_.seen(), check_.hasher());
  }
  MOSB_CHECK(hash_ ? check_.count(bytes.size()) : check_.update(bytes));
  MOSB_CHECK(sys::write_all(lock_.fd(), bytes).context(quote(file_.get())));
  if (hash_) {
    hash_->advance(check_.seen());
  }
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

Status BlobWriter::check() {
  if (!hash_) {
    return check_.finish();
  }
  return check_.finish(MOSB_TRY(hash_->finish()));
}

Status BlobWriter::commit(const std::string& path, mode_t mode) {
  MOSB_CHECK(check());
  if (::fchmod(lock_.fd(), mode) < 0) {
    return Error::sys("chmod " + quote(file_.get()), errno);
  }
  MOSB_CHECK(sys::fsync(lock_.fd(), file_.get()));
  MOSB_CHECK(sys::rename(file_.get(), path));
  (void)file_.release();
  return fsync_dir(parent_of(path));
}

std::string part_path(const std::string& temp_dir, const Digest& digest) {
  return temp_dir + "/" + kPartPrefix + digest.hex();
}

Status remove_abandoned(const std::string& temp_dir) {
  for (const std::string& name : MOSB_TRY(list_dir(temp_dir))) {
    const bool is_part = name.starts_with(kPartPrefix);
    if (is_part || name.starts_with(kTempPrefix)) {
      MOSB_CHECK(remove_if_abandoned(temp_dir + "/" + name, !is_part));
    }
  }
  return ok();
}

Status remove_parts(const std::string& temp_dir) {
  for (const std::string& name : MOSB_TRY(list_dir(temp_dir))) {
    if (name.starts_with(kPartPrefix)) {
      MOSB_CHECK(remove_if_abandoned(temp_dir + "/" + name, true));
    }
  }
  return ok();
}

}  // namespace mosb::oci
