#include "mosb/agent/tar_handles.h"

#include <cerrno>
#include <climits>
#include <string_view>
#include <utility>

#include "mosb/base/text.h"

namespace mosb::agent {

using oci::ArchiveLibrary;

namespace {

// Without the NUL that the kernel counts: path_resolution(7).
constexpr std::size_t kMaxPath = PATH_MAX - 1;
/// 4294967295 means "as it is" to the kernel, and what is larger would become somebody else.
constexpr la_int64_t kMaxId = 4'294'967'294;
/// How much of a path that is too long stands in a message.
constexpr std::size_t kShown = 64;

Error too_long(std::string_view path, std::size_t most) {
  return {Errc::kContent,
          "a name in the tar is longer than " + std::to_string(most) + " bytes, it begins with " +
              quote(path.substr(0, kShown))};
}

}  // namespace

Error tar_read_error(const ArchiveLibrary& lib, archive* a) {
  const char* const text = lib.error_string(a);
  return {Errc::kContent, std::string("not a good tar: ") + (text != nullptr ? escape(text) : "?")};
}

Error tar_write_error(const ArchiveLibrary& lib, archive* a) {
  const int err = lib.error_number(a);
  return Error::sys("write the unpacked tar", err != 0 ? err : EIO);
}

Result<TarRead> open_tar(const ArchiveLibrary& lib, const std::string& path, TarFilters filters) {
  TarRead reader(lib.read_new(), TarReadDeleter{&lib});
  const bool can_filter = filters == TarFilters::kNone ||
                          (reader && lib.read_support_filter_all(reader.get()) >= ARCHIVE_WARN);
  if (!reader || !can_filter || lib.read_support_format_tar(reader.get()) != ARCHIVE_OK) {
    return Error(Errc::kInternal, "libarchive cannot read tar files");
  }
  if (lib.read_open_filename(reader.get(), path.c_str(), kTarChunk) != ARCHIVE_OK) {
    return tar_read_error(lib, reader.get());
  }
  return reader;
}

Result<TarWrite> create_tar(const ArchiveLibrary& lib, const std::string& path) {
  TarWrite writer(lib.write_new(), TarWriteDeleter{&lib});
  if (!writer || lib.write_set_format_pax(writer.get()) != ARCHIVE_OK ||
      lib.write_set_format_option(writer.get(), "pax", "xattrheader", "SCHILY") != ARCHIVE_OK) {
    return Error(Errc::kInternal, "libarchive cannot write tar files");
  }
  if (lib.write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK) {
    return tar_write_error(lib, writer.get());
  }
  return writer;
}

Result<std::string> clean_tar_path(const char* written) {
  const std::string_view path(written != nullptr ? written : "");
  if (path.size() > kMaxPath) {
    return too_long(path, kMaxPath);
  }
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part == "..") {
      return Error(Errc::kContent, "path " + quote(path) + " in the tar leaves the root");
    }
    if (part.size() > NAME_MAX) {
      return too_long(part, NAME_MAX);
    }
    if (!part.empty() && part != ".") {
      parts.push_back(std::move(part));
    }
  }
  return join(parts, "/");
}

Result<std::string> tar_entry_path(const ArchiveLibrary& lib, archive_entry* entry) {
  std::string path = MOSB_TRY(clean_tar_path(lib.entry_pathname(entry)));
  for (const la_int64_t id : {lib.entry_uid(entry), lib.entry_gid(entry)}) {
    if (id < 0 || id > kMaxId) {
      return Error(Errc::kContent,
                   quote(path) + " in the tar has an owner that cannot be, " + std::to_string(id));
    }
  }
  const char* const target = lib.entry_symlink(entry);
  if (target != nullptr && std::string_view(target).size() > kMaxPath) {
    return too_long(target, kMaxPath);
  }
  return path;
}

void make_plain(const ArchiveLibrary& lib, archive_entry* entry) {
  // sqfstar would look names up in this host's passwd.
  lib.entry_copy_uname(entry, "");
  lib.entry_copy_gname(entry, "");
  lib.entry_acl_clear(entry);
  lib.entry_sparse_clear(entry);
  lib.entry_unset_atime(entry);
  lib.entry_unset_ctime(entry);
  lib.entry_unset_birthtime(entry);
  lib.entry_set_mtime(entry, 0, 0);
}

Status copy_tar_data(const ArchiveLibrary& lib,
                     archive* from,
                     archive* to,
                     std::uint64_t size,
                     std::vector<char>& buffer) {
  buffer.resize(kTarChunk);
  std::uint64_t done = 0;
  while (done < size) {
    const la_ssize_t n = lib.read_data(from, buffer.data(), buffer.size());
    if (n < 0) {
      return tar_read_error(lib, from);
    }
    if (n == 0) {
      return Error(Errc::kContent, "the tar ends within a file");
    }
    if (lib.write_data(to, buffer.data(), static_cast<std::size_t>(n)) != n) {
      return tar_write_error(lib, to);
    }
    done += static_cast<std::uint64_t>(n);
  }
  return ok();
}

}  // namespace mosb::agent
