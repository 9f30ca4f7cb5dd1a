#include "mosb/agent/rootfs_tar.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "mosb/base/byte_count.h"
#include "mosb/base/text.h"
#include "mosb/oci/archive_library.h"

namespace mosb::agent {

namespace {

using oci::ArchiveLibrary;

constexpr std::size_t kChunk = 256 * kKiB;

struct ReadDeleter {
  const ArchiveLibrary* lib;
  void operator()(archive* a) const { lib->read_free(a); }
};
struct WriteDeleter {
  const ArchiveLibrary* lib;
  void operator()(archive* a) const { lib->write_free(a); }
};
using Reader = std::unique_ptr<archive, ReadDeleter>;
using Writer = std::unique_ptr<archive, WriteDeleter>;

/// What libarchive says went wrong with the tar that is read.
Error read_error(const ArchiveLibrary& lib, archive* a) {
  const char* const text = lib.error_string(a);
  return Error(Errc::kContent, std::string("not a good tar: ") + (text != nullptr ? text : "?"));
}

Error write_error(const ArchiveLibrary& lib, archive* a) {
  const int err = lib.error_number(a);
  return Error::sys("write the unpacked tar", err != 0 ? err : EIO);
}

Result<Reader> open_reader(const ArchiveLibrary& lib, const std::string& path) {
  Reader reader(lib.read_new(), ReadDeleter{&lib});
  if (!reader || lib.read_support_filter_all(reader.get()) < ARCHIVE_WARN ||
      lib.read_support_format_tar(reader.get()) != ARCHIVE_OK) {
    return Error(Errc::kInternal, "libarchive cannot read tar files");
  }
  if (lib.read_open_filename(reader.get(), path.c_str(), kChunk) != ARCHIVE_OK) {
    return read_error(lib, reader.get());
  }
  return reader;
}

Result<Writer> open_writer(const ArchiveLibrary& lib, const std::string& path) {
  Writer writer(lib.write_new(), WriteDeleter{&lib});
  if (!writer || lib.write_set_format_pax(writer.get()) != ARCHIVE_OK ||
      lib.write_set_format_option(writer.get(), "pax", "xattrheader", "SCHILY") != ARCHIVE_OK) {
    return Error(Errc::kInternal, "libarchive cannot write tar files");
  }
  if (lib.write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK) {
    return write_error(lib, writer.get());
  }
  return writer;
}

/// The path relative to the root, without "." parts and outer slashes; "" is the root itself.
Result<std::string> clean_path(const char* written) {
  const std::string_view path(written != nullptr ? written : "");
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part == "..") {
      return Error(Errc::kContent, "path " + quote(path) + " in the tar leaves the root");
    }
    if (!part.empty() && part != ".") {
      parts.push_back(std::move(part));
    }
  }
  return join(parts, "/");
}

class Copy {
 public:
  Copy(const ArchiveLibrary& lib, archive* from, archive* to) : lib_(lib), from_(from), to_(to) {}

  Result<RootDirectory> run() {
    archive_entry* entry = nullptr;
    for (;;) {
      const int result = lib_.read_next_header(from_, &entry);
      if (result == ARCHIVE_EOF) {
        break;
      }
      // A warning is a name that cannot be shown in this locale; its bytes are kept.
      if (result < ARCHIVE_WARN) {
        return read_error(lib_, from_);
      }
      MOSB_CHECK(copy_entry(entry));
    }
    if (paths_.empty()) {
      return Error(Errc::kContent, "the tar has no files");
    }
    return root_;
  }

 private:
  Status copy_entry(archive_entry* entry) {
    const std::string path = MOSB_TRY(clean_path(lib_.entry_pathname(entry)));
    if (path.empty()) {
      root_ = RootDirectory{lib_.entry_perm(entry),
                            static_cast<std::uint32_t>(lib_.entry_uid(entry)),
                            static_cast<std::uint32_t>(lib_.entry_gid(entry))};
      return ok();
    }
    if (!paths_.insert(path).second) {
      return Error(Errc::kContent, "path " + quote(path) + " stands twice in the tar");
    }
    MOSB_CHECK(set_links(entry));
    lib_.entry_copy_pathname(entry, path.c_str());
    // sqfstar would look names up in this host's passwd.
    lib_.entry_copy_uname(entry, "");
    lib_.entry_copy_gname(entry, "");
    lib_.entry_acl_clear(entry);
    lib_.entry_sparse_clear(entry);
    lib_.entry_unset_atime(entry);
    lib_.entry_unset_ctime(entry);
    lib_.entry_unset_birthtime(entry);
    lib_.entry_set_mtime(entry, 0, 0);
    if (lib_.write_header(to_, entry) < ARCHIVE_WARN) {
      return write_error(lib_, to_);
    }
    return copy_data(static_cast<std::uint64_t>(lib_.entry_size(entry)));
  }

  Status set_links(archive_entry* entry) {
    const char* const target = lib_.entry_hardlink(entry);
    if (target == nullptr) {
      return ok();
    }
    const std::string clean = MOSB_TRY(clean_path(target));
    if (paths_.count(clean) == 0) {
      return Error(Errc::kContent,
                   "the tar links to " + quote(clean) + ", which does not come before the link");
    }
    lib_.entry_copy_hardlink(entry, clean.c_str());
    lib_.entry_set_size(entry, 0);
    return ok();
  }

  /// Writes `size` bytes; what the tar leaves out of a sparse file is zero.
  Status copy_data(std::uint64_t size) {
    std::uint64_t done = 0;
    while (done < size) {
      const la_ssize_t n = lib_.read_data(from_, buffer_.data(), buffer_.size());
      if (n < 0) {
        return read_error(lib_, from_);
      }
      if (n == 0) {
        return Error(Errc::kContent, "the tar ends within a file");
      }
      if (lib_.write_data(to_, buffer_.data(), static_cast<std::size_t>(n)) != n) {
        return write_error(lib_, to_);
      }
      done += static_cast<std::uint64_t>(n);
    }
    return ok();
  }

  const ArchiveLibrary& lib_;
  archive* from_;
  archive* to_;
  RootDirectory root_;
  std::set<std::string> paths_;
  std::vector<char> buffer_ = std::vector<char>(kChunk);
};

}  // namespace

Result<RootDirectory> normalise_rootfs_tar(const std::string& from, const std::string& to) {
  const ArchiveLibrary& lib = *MOSB_TRY(oci::archive_library());
  const Reader reader = MOSB_TRY(open_reader(lib, from));
  const Writer writer = MOSB_TRY(open_writer(lib, to));
  const RootDirectory root =
      MOSB_TRY(Copy(lib, reader.get(), writer.get()).run().context("read " + quote(from)));
  if (lib.write_close(writer.get()) != ARCHIVE_OK) {
    return write_error(lib, writer.get());
  }
  return root;
}

}  // namespace mosb::agent
