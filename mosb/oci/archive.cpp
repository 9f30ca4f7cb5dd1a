#include "mosb/oci/archive.h"

#include <cerrno>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>

#include "mosb/base/dir_list.h"
#include "mosb/base/disk_space.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/blob_writer.h"
#include "mosb/oci/limits.h"
#include "mosb/oci/tar.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kMaxEntries = 100'000;
constexpr char kBlobs[] = "blobs/sha256/";
constexpr mode_t kFileMode = 0644;

std::string layout_in(const std::string& temp) {
  return temp + "/layout";
}

/// "./blobs/sha256/ab…" and "blobs/sha256/ab…" are the same.
std::string plain_path(std::string path) {
  while (path.rfind("./", 0) == 0) {
    path.erase(0, 2);
  }
  return path;
}

class Unpacker {
 public:
  Unpacker(TarReader tar, Layout& layout, std::uint64_t archive_size)
      : tar_(std::move(tar)), layout_(layout), archive_size_(archive_size) {}

  Status run() {
    std::size_t entries = 0;
    while (const auto entry = MOSB_TRY(tar_.next())) {
      if (++entries > kMaxEntries) {
        return Error(Errc::kContent, "more than " + std::to_string(kMaxEntries) + " entries");
      }
      MOSB_CHECK(take(*entry).context(quote(entry->path)));
    }
    if (seen_.count("oci-layout") == 0 || seen_.count("index.json") == 0) {
      Error none(Errc::kContent, "it holds no OCI layout");
      return is_docker_archive_
                 ? std::move(none).with_hint("write docker-archive:FILE, which is what it seems")
                 : none;
    }
    return ok();
  }

 private:
  Status take(const TarEntry& entry) {
    const std::string path = plain_path(entry.path);
    const bool document = path == "oci-layout" || path == "index.json";
    const bool blob = path.rfind(kBlobs, 0) == 0 && path != kBlobs;
    if (!document && !blob) {
      // Docker puts files of its own beside the layout, or instead of one.
      is_docker_archive_ = is_docker_archive_ || path == "manifest.json";
      return ok();
    }
    if (entry.kind != TarEntry::Kind::kFile) {
      return Error(Errc::kContent, "it is not a plain file");
    }
    if (entry.size > archive_size_) {
      return Error(Errc::kContent, "it is larger than the archive");
    }
    if (!seen_.insert(path).second) {
      return Error(Errc::kContent, "it stands twice in the archive");
    }
    return document ? take_document(path, entry) : take_blob(path.substr(sizeof kBlobs - 1), entry);
  }

  Status take_document(const std::string& name, const TarEntry& entry) {
    if (entry.size > kMaxLayoutIndexSize.value) {
      return Error(Errc::kContent,
                   "it is larger than " + std::to_string(kMaxLayoutIndexSize.value) + " bytes");
    }
    std::string text;
    MOSB_CHECK(tar_.read([&](std::span<const std::byte> part) {
      // reinterpret_cast: bytes as characters.
      text.append(reinterpret_cast<const char*>(part.data()), part.size());
      return ok();
    }));
    return write_file_atomic(layout_.dir() + "/" + name, text, kFileMode);
  }

  Status take_blob(const std::string& name, const TarEntry& entry) {
    const Digest digest = MOSB_TRY(Digest::parse("sha256:" + name));
    const Descriptor expected{.media_type = {}, .digest = digest, .size = entry.size};
    BlobWriter writer = MOSB_TRY(BlobWriter::create(layout_.temp_dir(), expected));
    MOSB_CHECK(tar_.read([&](std::span<const std::byte> part) { return writer.write(part); }));
    return writer.commit(layout_.blob_path(digest), kBlobMode);
  }

  TarReader tar_;
  Layout& layout_;
  std::uint64_t archive_size_;
  std::set<std::string> seen_;
  bool is_docker_archive_ = false;
};

/// Nothing in an uncompressed tar is larger than the tar itself.
Status check_room(std::uint64_t archive_size, const std::string& temp_parent) {
  const ByteCount free = MOSB_TRY(free_space(temp_parent));
  if (archive_size > free.value || free.value - archive_size < kStoreReserve.value) {
    return Error(Errc::kResource,
                 "unpacking needs " + std::to_string(archive_size) + " bytes and a reserve of " +
                     std::to_string(kStoreReserve.value) + " in " + quote(temp_parent) +
                     ", which has " + std::to_string(free.value) + " free");
  }
  return ok();
}

Status pack(const Layout& layout, int fd) {
  TarWriter tar = MOSB_TRY(TarWriter::create(fd));
  MOSB_CHECK(tar.add_directory("blobs/"));
  MOSB_CHECK(tar.add_directory(kBlobs));
  for (const std::string& name : MOSB_TRY(list_dir(layout.dir() + "/blobs/sha256"))) {
    MOSB_CHECK(tar.add_file(kBlobs + name, layout.dir() + "/" + kBlobs + name));
  }
  for (const std::string name : {"index.json", "oci-layout"}) {
    MOSB_CHECK(tar.add_file(name, layout.dir() + "/" + name));
  }
  return tar.finish();
}

}  // namespace

Result<Archive> Archive::open(const std::string& file, const std::string& temp_parent) {
  const std::string what = "read the OCI archive " + quote(file);
  TarReader tar = MOSB_TRY(TarReader::open(file).context(what));
  const UniqueFd fd = MOSB_TRY(sys::open(file, O_RDONLY | O_NONBLOCK).context(what));
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), file));
  const auto size = static_cast<std::uint64_t>(st.st_size);
  MOSB_CHECK(check_room(size, temp_parent).context(what));
  Scratch scratch = MOSB_TRY(Scratch::make(temp_parent));
  Layout layout = MOSB_TRY(Layout::open_or_create(layout_in(scratch.path())));
  MOSB_CHECK(Unpacker(std::move(tar), layout, size).run().context(what));
  // Again, now with the archive's own documents.
  layout = MOSB_TRY(Layout::open(layout.dir()).context(what));
  return Archive(std::move(scratch), std::move(layout));
}

Result<Archive> Archive::create(const std::string& temp_parent) {
  Scratch scratch = MOSB_TRY(Scratch::make(temp_parent));
  Layout layout = MOSB_TRY(Layout::open_or_create(layout_in(scratch.path())));
  return Archive(std::move(scratch), std::move(layout));
}

Status Archive::save(const std::string& file) const {
  const std::string what = "write the OCI archive " + quote(file);
  const std::size_t slash = file.rfind('/');
  const std::string dir = slash == std::string::npos ? "." : file.substr(0, slash + 1);
  const std::string temp = dir + "/" + random_temp_name();
  const UniqueFd fd =
      MOSB_TRY(sys::open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode).context(what));
  Owned<TempFileTraits> owned(temp);
  MOSB_CHECK(pack(layout_, fd.get()).context(what));
  MOSB_CHECK(sys::fsync(fd.get(), temp).context(what));
  MOSB_CHECK(sys::rename(temp, file).context(what));
  (void)owned.release();
  return fsync_dir(dir).context(what);
}

Result<Descriptor> Archive::resolve(const Reference& reference) {
  return layout_.resolve(reference);
}

Result<std::string> Archive::read_manifest(const Descriptor& descriptor) {
  return layout_.read_manifest(descriptor);
}

Result<unsigned> Archive::stream_blob(const Descriptor& descriptor,
                                      std::uint64_t from,
                                      const BlobSink& sink) {
  return layout_.stream_blob(descriptor, from, sink);
}

Result<std::vector<Descriptor>> Archive::referrers(const Descriptor& subject,
                                                   const std::string& artifact_type) {
  return layout_.referrers(subject, artifact_type);
}

Status Archive::push_blob(const Descriptor& descriptor, const BlobSource& source) {
  return layout_.push_blob(descriptor, source);
}

Status Archive::push_manifest(const Descriptor& descriptor,
                              std::string_view bytes,
                              const std::optional<std::string>& tag) {
  return layout_.push_manifest(descriptor, bytes, tag);
}

Status Archive::push_referrer(const Descriptor& manifest,
                              std::string_view bytes,
                              const Descriptor& subject) {
  return layout_.push_referrer(manifest, bytes, subject);
}

}  // namespace mosb::oci
