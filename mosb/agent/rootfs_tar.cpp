#include "mosb/agent/rootfs_tar.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include <archive.h>
#include <archive_entry.h>

#include "mosb/base/byte_count.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

constexpr std::size_t kChunk = 256 * kKiB;

struct ReadDeleter {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct WriteDeleter {
  void operator()(archive* a) const { archive_write_free(a); }
};
using Reader = std::unique_ptr<archive, ReadDeleter>;
using Writer = std::unique_ptr<archive, WriteDeleter>;

/// What libarchive says went wrong with the tar that is read.
Error read_error(archive* a) {
  const char* const text = archive_error_string(a);
  return Error(Errc::kContent, std::string("not a good tar: ") + (text != nullptr ? text : "?"));
}

Error write_error(archive* a) {
  const int err = archive_errno(a);
  return Error::sys("write the unpacked tar", err != 0 ? err : EIO);
}

Result<Reader> open_reader(const std::string& path) {
  Reader reader(archive_read_new());
  if (!reader || archive_read_support_filter_all(reader.get()) < ARCHIVE_WARN ||
      archive_read_support_format_tar(reader.get()) != ARCHIVE_OK) {
    return Error(Errc::kInternal, "libarchive cannot read tar files");
  }
  if (archive_read_open_filename(reader.get(), path.c_str(), kChunk) != ARCHIVE_OK) {
    return read_error(reader.get());
  }
  return reader;
}

Result<Writer> open_writer(const std::string& path) {
  Writer writer(archive_write_new());
  if (!writer || archive_write_set_format_pax(writer.get()) != ARCHIVE_OK ||
      archive_write_set_format_option(writer.get(), "pax", "xattrheader", "SCHILY") != ARCHIVE_OK) {
    return Error(Errc::kInternal, "libarchive cannot write tar files");
  }
  if (archive_write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK) {
    return write_error(writer.get());
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
  Copy(archive* from, archive* to) : from_(from), to_(to) {}

  Result<RootDirectory> run() {
    archive_entry* entry = nullptr;
    for (;;) {
      const int result = archive_read_next_header(from_, &entry);
      if (result == ARCHIVE_EOF) {
        break;
      }
      // A warning is a name that cannot be shown in this locale; its bytes are kept.
      if (result < ARCHIVE_WARN) {
        return read_error(from_);
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
    const std::string path = MOSB_TRY(clean_path(archive_entry_pathname(entry)));
    if (path.empty()) {
      root_ = RootDirectory{archive_entry_perm(entry),
                            static_cast<std::uint32_t>(archive_entry_uid(entry)),
                            static_cast<std::uint32_t>(archive_entry_gid(entry))};
      return ok();
    }
    if (!paths_.insert(path).second) {
      return Error(Errc::kContent, "path " + quote(path) + " stands twice in the tar");
    }
    MOSB_CHECK(set_links(entry));
    archive_entry_copy_pathname(entry, path.c_str());
    // sqfstar would look names up in this host's passwd.
    archive_entry_copy_uname(entry, "");
    archive_entry_copy_gname(entry, "");
    archive_entry_acl_clear(entry);
    archive_entry_sparse_clear(entry);
    archive_entry_unset_atime(entry);
    archive_entry_unset_ctime(entry);
    archive_entry_unset_birthtime(entry);
    archive_entry_set_mtime(entry, 0, 0);
    if (archive_write_header(to_, entry) < ARCHIVE_WARN) {
      return write_error(to_);
    }
    return copy_data(static_cast<std::uint64_t>(archive_entry_size(entry)));
  }

  Status set_links(archive_entry* entry) {
    const char* const target = archive_entry_hardlink(entry);
    if (target == nullptr) {
      return ok();
    }
    const std::string clean = MOSB_TRY(clean_path(target));
    if (paths_.count(clean) == 0) {
      return Error(Errc::kContent,
                   "the tar links to " + quote(clean) + ", which does not come before the link");
    }
    archive_entry_copy_hardlink(entry, clean.c_str());
    archive_entry_set_size(entry, 0);
    return ok();
  }

  /// Writes `size` bytes; what the tar leaves out of a sparse file is zero.
  Status copy_data(std::uint64_t size) {
    std::uint64_t done = 0;
    while (done < size) {
      const la_ssize_t n = archive_read_data(from_, buffer_.data(), buffer_.size());
      if (n < 0) {
        return read_error(from_);
      }
      if (n == 0) {
        return Error(Errc::kContent, "the tar ends within a file");
      }
      if (archive_write_data(to_, buffer_.data(), static_cast<std::size_t>(n)) != n) {
        return write_error(to_);
      }
      done += static_cast<std::uint64_t>(n);
    }
    return ok();
  }

  archive* from_;
  archive* to_;
  RootDirectory root_;
  std::set<std::string> paths_;
  std::vector<char> buffer_ = std::vector<char>(kChunk);
};

}  // namespace

Result<RootDirectory> normalise_rootfs_tar(const std::string& from, const std::string& to) {
  const Reader reader = MOSB_TRY(open_reader(from));
  const Writer writer = MOSB_TRY(open_writer(to));
  const RootDirectory root =
      MOSB_TRY(Copy(reader.get(), writer.get()).run().context("read " + quote(from)));
  if (archive_write_close(writer.get()) != ARCHIVE_OK) {
    return write_error(writer.get());
  }
  return root;
}

}  // namespace mosb::agent
