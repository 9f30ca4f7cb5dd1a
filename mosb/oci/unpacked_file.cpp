#include "mosb/oci/unpacked_file.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "mosb/base/unique_fd.h"
#include "mosb/oci/archive_library.h"

namespace mosb::oci {

namespace {

constexpr std::size_t kChunk = 256 * kKiB;
constexpr mode_t kFileMode = 0600;
constexpr std::array<std::pair<std::string_view, FileCompression>, 2> kMagics{
    {{"\x1f\x8b", FileCompression::kGzip}, {"\x28\xb5\x2f\xfd", FileCompression::kZstd}}};

struct FreeReader {
  const ArchiveLibrary* lib;
  void operator()(archive* handle) const { lib->read_free(handle); }
};
using Reader = std::unique_ptr<archive, FreeReader>;

Error failure(const ArchiveLibrary& lib, archive* handle) {
  const char* const text = lib.error_string(handle);
  return Error(Errc::kContent,
               std::string("it can't be unpacked: ") + (text != nullptr ? escape(text) : "?"));
}

Result<UniqueFd> open_regular(const std::string& file) {
  UniqueFd fd = MOSB_TRY(sys::open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  const struct stat st = MOSB_TRY(sys::fstat(fd.get(), file));
  if (!S_ISREG(st.st_mode)) {
    return Error(Errc::kContent, quote(file) + " is not a regular file");
  }
  return fd;
}

/// Only the filter that was named: the others of libarchive are no business of whoever made the
/// file, and some of them start programs.
Result<Reader> open_raw(const ArchiveLibrary& lib, int fd, FileCompression compression) {
  Reader reader(lib.read_new(), FreeReader{&lib});
  int result = reader ? lib.read_support_format_raw(reader.get()) : ARCHIVE_FATAL;
  if (result == ARCHIVE_OK && compression == FileCompression::kGzip) {
    result = lib.read_support_filter_gzip(reader.get());
  } else if (result == ARCHIVE_OK && compression == FileCompression::kZstd) {
    result = lib.read_support_filter_zstd(reader.get());
  }
  if (result != ARCHIVE_OK) {
    return Error(Errc::kInternal, "libarchive cannot unpack files");
  }
  archive_entry* entry = nullptr;
  if (lib.read_open_fd(reader.get(), fd, kChunk) != ARCHIVE_OK ||
      lib.read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return failure(lib, reader.get());
  }
  return reader;
}

}  // namespace

Result<FileCompression> find_compression(const std::string& file) {
  const UniqueFd fd = MOSB_TRY(open_regular(file));
  std::array<std::byte, 4> start{};
  const std::size_t size = MOSB_TRY(sys::read(fd.get(), start));
  for (const auto& [magic, compression] : kMagics) {
    if (size >= magic.size() && std::memcmp(start.data(), magic.data(), magic.size()) == 0) {
      return compression;
    }
  }
  return FileCompression::kNone;
}

Result<Digest> unpack_file(const std::string& from,
                           FileCompression compression,
                           const std::string& to,
                           ByteCount limit) {
  const ArchiveLibrary& lib = *MOSB_TRY(archive_library());
  const UniqueFd packed = MOSB_TRY(open_regular(from));
  const Reader reader = MOSB_TRY(open_raw(lib, packed.get(), compression));
  const UniqueFd file = MOSB_TRY(sys::open(to, O_WRONLY | O_CREAT | O_EXCL, kFileMode));
  std::vector<std::byte> buffer(kChunk);
  Hasher hasher;
  std::uint64_t size = 0;
  for (;;) {
    const la_ssize_t n = lib.read_data(reader.get(), buffer.data(), buffer.size());
    if (n < 0) {
      return failure(lib, reader.get());
    }
    if (n == 0) {
      return hasher.finish();
    }
    const auto piece = std::span<const std::byte>(buffer).first(static_cast<std::size_t>(n));
    size += piece.size();
    if (size > limit.value) {
      return Error(Errc::kContent,
                   "it unpacks to more than " + std::to_string(limit.value) + " bytes");
    }
    hasher.update(piece);
    MOSB_CHECK(sys::write_all(file.get(), piece).context(quote(to)));
  }
}

}  // namespace mosb::oci
