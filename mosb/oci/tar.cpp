#include "mosb/oci/tar.h"

#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/oci/archive_library.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kChunk = 256 * kKiB;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirMode = 0755;

struct FreeEntry {
  const ArchiveLibrary* lib;
  void operator()(archive_entry* entry) const { lib->entry_free(entry); }
};
using EntryPtr = std::unique_ptr<archive_entry, FreeEntry>;

Error failure(Errc code, const ArchiveLibrary& lib, archive* handle) {
  const char* const text = lib.error_string(handle);
  return Error(code, "tar: " + escape(text != nullptr ? text : "unknown error"));
}

TarEntry::Kind kind_of(const ArchiveLibrary& lib, archive_entry* entry) {
  // A hard link has the file type of what it links to.
  if (lib.entry_hardlink(entry) != nullptr || lib.entry_sparse_count(entry) > 0) {
    return TarEntry::Kind::kOther;
  }
  switch (lib.entry_filetype(entry)) {
    case AE_IFREG:
      return TarEntry::Kind::kFile;
    case AE_IFDIR:
      return TarEntry::Kind::kDirectory;
    case AE_IFLNK:
      return TarEntry::Kind::kSymlink;
    default:
      return TarEntry::Kind::kOther;
  }
}

Status refuse_fifo(int fd, const std::string& file) {
  const struct stat st = MOSB_TRY(sys::fstat(fd, file));
  if (!S_ISREG(st.st_mode)) {
    return Error(Errc::kContent, quote(file) + " is not a regular file");
  }
  return ok();
}

/// Everything that could differ from one run to the next is fixed.
EntryPtr plain_entry(const ArchiveLibrary& lib,
                     const std::string& path,
                     mode_t type_and_mode,
                     std::uint64_t size) {
  EntryPtr entry(lib.entry_new(), FreeEntry{&lib});
  lib.entry_set_pathname(entry.get(), path.c_str());
  lib.entry_set_mode(entry.get(), type_and_mode);
  lib.entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  lib.entry_set_mtime(entry.get(), 0, 0);
  return entry;
}

}  // namespace

struct TarReader::State {
  const ArchiveLibrary& lib;
  UniqueFd fd = {};
  archive* handle = lib.read_new();
};

void TarReader::Close::operator()(State* state) const {
  state->lib.read_free(state->handle);
  delete state;
}

TarReader::TarReader(std::unique_ptr<State, Close> state) : state_(std::move(state)) {}

Result<TarReader> TarReader::open(const std::string& file) {
  const ArchiveLibrary& lib = *MOSB_TRY(archive_library());
  std::unique_ptr<State, Close> state(new State{lib});
  state->fd = MOSB_TRY(sys::open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  MOSB_CHECK(refuse_fifo(state->fd.get(), file));
  archive* const handle = state->handle;
  if (lib.read_support_format_tar(handle) != ARCHIVE_OK ||
      lib.read_open_fd(handle, state->fd.get(), kChunk) != ARCHIVE_OK) {
    return failure(Errc::kContent, lib, handle);
  }
  return TarReader(std::move(state));
}

Result<std::optional<TarEntry>> TarReader::next() {
  archive_entry* entry = nullptr;
  const int result = state_->lib.read_next_header(state_->handle, &entry);
  if (result == ARCHIVE_EOF) {
    return std::optional<TarEntry>();
  }
  // ARCHIVE_WARN: a name that this locale can't show; such an entry is none of a layout's.
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
    return failure(Errc::kContent, state_->lib, state_->handle);
  }
  const char* const path = state_->lib.entry_pathname(entry);
  const char* const target = state_->lib.entry_symlink(entry);
  const la_int64_t size = state_->lib.entry_size(entry);
  return std::optional(
      TarEntry{.path = path != nullptr ? path : "",
               .kind = size < 0 ? TarEntry::Kind::kOther : kind_of(state_->lib, entry),
               .size = size < 0 ? 0 : static_cast<std::uint64_t>(size),
               .target = target != nullptr ? target : ""});
}

Status TarReader::read(const BlobSink& sink) {
  std::vector<std::byte> buffer(kChunk);
  for (;;) {
    const la_ssize_t n = state_->lib.read_data(state_->handle, buffer.data(), buffer.size());
    if (n < 0) {
      return failure(Errc::kContent, state_->lib, state_->handle);
    }
    if (n == 0) {
      return ok();
    }
    MOSB_CHECK(sink(std::span<const std::byte>(buffer).first(static_cast<std::size_t>(n))));
  }
}

struct TarWriter::State {
  const ArchiveLibrary& lib;
  archive* handle = lib.write_new();
};

void TarWriter::Close::operator()(State* state) const {
  state->lib.write_free(state->handle);
  delete state;
}

TarWriter::TarWriter(std::unique_ptr<State, Close> state) : state_(std::move(state)) {}

Result<TarWriter> TarWriter::create(int fd) {
  const ArchiveLibrary& lib = *MOSB_TRY(archive_library());
  std::unique_ptr<State, Close> state(new State{lib});
  archive* const handle = state->handle;
  // Plain ustar unless a file is too large for it.
  if (lib.write_set_format_pax_restricted(handle) != ARCHIVE_OK ||
      lib.write_open_fd(handle, fd) != ARCHIVE_OK) {
    return failure(Errc::kResource, lib, handle);
  }
  return TarWriter(std::move(state));
}

Status TarWriter::add_directory(const std::string& path) {
  const EntryPtr entry = plain_entry(state_->lib, path, S_IFDIR | kDirMode, 0);
  if (state_->lib.write_header(state_->handle, entry.get()) != ARCHIVE_OK) {
    return failure(Errc::kResource, state_->lib, state_->handle);
  }
  return ok();
}

Status TarWriter::add_file(const std::string& path, const std::string& from) {
  const struct stat st = MOSB_TRY(sys::lstat(from));
  const EntryPtr entry =
      plain_entry(state_->lib, path, S_IFREG | kFileMode, static_cast<std::uint64_t>(st.st_size));
  if (state_->lib.write_header(state_->handle, entry.get()) != ARCHIVE_OK) {
    return failure(Errc::kResource, state_->lib, state_->handle);
  }
  return BlobSource::file(from).read_into([this](std::span<const std::byte> part) -> Status {
    const la_ssize_t n = state_->lib.write_data(state_->handle, part.data(), part.size());
    if (n < 0 || static_cast<std::size_t>(n) != part.size()) {
      return failure(Errc::kResource, state_->lib, state_->handle);
    }
    return ok();
  });
}

Status TarWriter::finish() {
  if (state_->lib.write_close(state_->handle) != ARCHIVE_OK) {
    return failure(Errc::kResource, state_->lib, state_->handle);
  }
  return ok();
}

}  // namespace mosb::oci
