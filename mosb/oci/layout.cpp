#include "mosb/oci/layout.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/file.h"
#include "mosb/base/file_lock.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/layout_index.h"
#include "mosb/oci/limits.h"

namespace mosb::oci {

namespace {

constexpr char kVersion[] = "1.0.0";
constexpr mode_t kDirMode = 0755;

std::string lock_path(const std::string& dir) {
  return dir + "/.mosb-lock";
}

std::string without_trailing_slash(std::string dir) {
  while (dir.size() > 1 && dir.back() == '/') {
    dir.pop_back();
  }
  return dir;
}

Status check_version(const std::string& dir) {
  const std::string path = dir + "/oci-layout";
  const auto text = read_file(path, ByteCount{4 * kKiB});
  if (!text && (text.error().sys_errno() == ENOENT || text.error().sys_errno() == ENOTDIR)) {
    return Error(Errc::kNotFound, quote(dir) + " is not an OCI layout: there is no 'oci-layout'");
  }
  MOSB_CHECK(text);
  const Json document = MOSB_TRY(json::parse(*text, kMaxLayoutIndexSize).context(quote(path)));
  const std::string version =
      MOSB_TRY(json::require_string(document, "imageLayoutVersion").context(quote(path)));
  if (version != kVersion) {
    return Error(Errc::kContent,
                 quote(path) + ": layout version " + quote(version) + " is not " + kVersion);
  }
  return ok();
}

/// What a directory may hold and still be turned into a layout: what create() itself leaves when
/// it is interrupted.
Status check_can_become_layout(const std::string& dir) {
  for (const std::string& name : MOSB_TRY(list_dir(dir))) {
    const bool ours = name == "blobs" || name.rfind(".mosb-", 0) == 0 ||
                      name.rfind("index.json", 0) == 0 || name.rfind("oci-layout.tmp-", 0) == 0 ||
                      name == "tmp";
    if (!ours && check_version(dir)) {
      return ok();  // somebody else has made it one meanwhile
    }
    if (!ours) {
      return Error(Errc::kUsage,
                   quote(dir) + " is not an OCI layout and not empty: it has " + quote(name))
          .with_hint("name an empty or a new directory");
    }
  }
  return ok();
}

Error no_blob(const Digest& digest, const std::string& dir) {
  return Error(Errc::kNotFound, "no blob " + digest.str() + " in " + quote(dir));
}

}  // namespace

Result<Layout> Layout::open(const std::string& path) {
  const std::string dir = without_trailing_slash(path);
  MOSB_CHECK(check_version(dir));
  MOSB_CHECK(look_at_layout_index(dir));
  return Layout(dir, dir);
}

Status Layout::create(const std::string& dir, mode_t mode) {
  MOSB_CHECK(sys::mkdir_all(dir, mode));
  MOSB_CHECK(check_can_become_layout(dir));
  const FileLock lock = MOSB_TRY(FileLock::wait(lock_path(dir)));
  MOSB_CHECK(remove_stale_temps(dir));
  if (check_version(dir)) {
    return ok();
  }
  MOSB_CHECK(sys::mkdir(dir + "/blobs", kDirMode));
  MOSB_CHECK(sys::mkdir(dir + "/blobs/sha256", kDirMode));
  MOSB_CHECK(fsync_dir(dir + "/blobs"));
  MOSB_CHECK(write_layout_index(dir, empty_layout_index()));
  // Last: only with it the directory is a layout.
  MOSB_CHECK(write_file_atomic(dir + "/oci-layout",
                               std::string(R"({"imageLayoutVersion":")") + kVersion + "\"}",
                               kBlobMode));
  return fsync_dir(dir + "/..");
}

Result<Layout> Layout::open_or_create(const std::string& path) {
  const std::string dir = without_trailing_slash(path);
  auto layout = open(dir);
  if (!layout && layout.error().code() == Errc::kNotFound) {
    MOSB_CHECK(create(dir, kDirMode).context("make an OCI layout of " + quote(dir)));
    layout = open(dir);
  }
  MOSB_CHECK(layout);
  MOSB_CHECK(remove_abandoned(layout->temp_dir()));
  return layout;
}

std::string Layout::blob_path(const Digest& digest) const {
  return dir_ + "/blobs/sha256/" + digest.hex();
}

bool Layout::has_blob(const Descriptor& descriptor) const {
  const auto st = sys::lstat(blob_path(descriptor.digest));
  return st && S_ISREG(st->st_mode) && static_cast<std::uint64_t>(st->st_size) == descriptor.size;
}

Result<std::string> Layout::read_manifest(const Descriptor& descriptor) {
  return read_blob(descriptor, kMaxManifestSize);
}

Result<unsigned> Layout::stream_blob(const Descriptor& descriptor,
                                     std::uint64_t from,
                                     const BlobSink& sink) {
  const std::string path = blob_path(descriptor.digest);
  const auto fd = sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  if (!fd) {
    return fd.error().sys_errno() == ENOENT ? no_blob(descriptor.digest, dir_) : fd.error();
  }
  const struct stat st = MOSB_TRY(sys::fstat(fd->get(), path));
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) != descriptor.size) {
    return Error(
        Errc::kContent,
        quote(path) + (S_ISREG(st.st_mode) ? " has " + std::to_string(st.st_size) + " bytes, not " +
                                                 std::to_string(descriptor.size)
                                           : " is not a regular file"));
  }
  if (::lseek(fd->get(), static_cast<off_t>(from), SEEK_SET) < 0) {
    return Error::sys("go to byte " + std::to_string(from) + " of " + quote(path), errno);
  }
  std::vector<std::byte> buffer(256 * kKiB);
  for (std::uint64_t left = descriptor.size - std::min(from, descriptor.size); left > 0;) {
    const auto room = std::span(buffer).first(std::min<std::uint64_t>(left, buffer.size()));
    const std::size_t n =
        MOSB_TRY(sys::read(fd->get(), room).as(Errc::kContent).context(quote(path)));
    MOSB_CHECK(sink(room.first(n)));
    if (n < room.size()) {
      break;  // it has become shorter
    }
    left -= n;
  }
  return 1U;
}

Status Layout::push_blob(const Descriptor& descriptor, const BlobSource& source) {
  // A small one is looked at, so that a damaged manifest or config mends itself; a layer is
  // checked block by block wherever it is used.
  const bool present = descriptor.size <= kMaxManifestSize.value
                           ? read_blob(descriptor, kMaxManifestSize).has_value()
                           : has_blob(descriptor);
  if (present) {
    return ok();
  }
  BlobWriter writer = MOSB_TRY(BlobWriter::create(temp_dir_, descriptor));
  MOSB_CHECK(source.read_into([&](std::span<const std::byte> part) { return writer.write(part); }));
  return writer.commit(blob_path(descriptor.digest), kBlobMode);
}

Status Layout::adopt_blob(const std::string& file, const Digest& digest) {
  {
    const UniqueFd fd = MOSB_TRY(sys::open(file, O_RDONLY | O_NOFOLLOW));
    if (::fchmod(fd.get(), kBlobMode) < 0) {
      return Error::sys("chmod " + quote(file), errno);
    }
    MOSB_CHECK(sys::fsync(fd.get(), file));
  }
  MOSB_CHECK(sys::rename(file, blob_path(digest)));
  return fsync_dir(dir_ + "/blobs/sha256");
}

Result<Index> Layout::index() const {
  return *MOSB_TRY(look_at_layout_index(dir_));
}

Status Layout::edit_index(const std::function<Status(Json& manifests)>& change) {
  const FileLock lock = MOSB_TRY(FileLock::wait(lock_path(dir_)));
  MOSB_CHECK(remove_stale_temps(dir_));
  MOSB_CHECK(remove_abandoned(temp_dir_));
  Json document = MOSB_TRY(read_layout_index(dir_));
  const Json before = document["manifests"];
  MOSB_CHECK(change(document["manifests"]));
  if (document["manifests"] == before) {
    return ok();
  }
  return write_layout_index(dir_, document);
}

}  // namespace mosb::oci
