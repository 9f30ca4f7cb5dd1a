#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mosb/base/result.h"
#include "mosb/oci/archive_library.h"

namespace mosb::agent {

/// libarchive's handles of a tar that is read and of one that is written, and what reading and
/// writing root file systems have in common.
struct TarReadDeleter {
  const oci::ArchiveLibrary* lib;
  void operator()(archive* a) const { lib->read_free(a); }
};
struct TarWriteDeleter {
  const oci::ArchiveLibrary* lib;
  void operator()(archive* a) const { lib->write_free(a); }
};
struct TarEntryDeleter {
  const oci::ArchiveLibrary* lib;
  void operator()(archive_entry* entry) const { lib->entry_free(entry); }
};
using TarRead = std::unique_ptr<archive, TarReadDeleter>;
using TarWrite = std::unique_ptr<archive, TarWriteDeleter>;
using TarEntryHandle = std::unique_ptr<archive_entry, TarEntryDeleter>;

/// What libarchive says went wrong: kContent for reading, the class of its errno for writing.
Error tar_read_error(const oci::ArchiveLibrary& lib, archive* a);
Error tar_write_error(const oci::ArchiveLibrary& lib, archive* a);

/// For reading. `filters` says whether it may be compressed, in any way that libarchive knows.
enum class TarFilters { kAll, kNone };
Result<TarRead> open_tar(const oci::ArchiveLibrary& lib,
                         const std::string& path,
                         TarFilters filters);
/// A new one, in the pax format with extended attributes as squashfs-tools read them.
Result<TarWrite> create_tar(const oci::ArchiveLibrary& lib, const std::string& path);

/// The path relative to the root, without "." parts and outer slashes; "" is the root itself.
/// Errors: kContent if it leaves the root, or is longer than Linux takes.
Result<std::string> clean_tar_path(const char* written);

/// The clean path of an entry. Errors: as of clean_tar_path(); kContent for an owner or a symlink
/// that Linux can't have, too.
Result<std::string> tar_entry_path(const oci::ArchiveLibrary& lib, archive_entry* entry);

/// What would make the same tree give another image, or is this host's: names of owners, times,
/// access control lists, holes.
void make_plain(const oci::ArchiveLibrary& lib, archive_entry* entry);

/// Copies the `size` bytes of the entry that was read; what the tar leaves out of a sparse file is
/// zero. `buffer` is the caller's to keep.
Status copy_tar_data(const oci::ArchiveLibrary& lib,
                     archive* from,
                     archive* to,
                     std::uint64_t size,
                     std::vector<char>& buffer);

inline constexpr std::size_t kTarChunk = 256 * 1024;

}  // namespace mosb::agent
