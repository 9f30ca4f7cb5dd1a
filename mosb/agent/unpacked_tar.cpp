#include "mosb/agent/unpacked_tar.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "mosb/agent/layer_tree.h"
#include "mosb/agent/tar_handles.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

using oci::ArchiveLibrary;

constexpr mode_t kPrivateDir = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kParentMode = 0755;
constexpr std::uint64_t kInside =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

/// Something in the directory: by the directory that it is in, which cannot move, and its name.
struct Place {
  UniqueFd parent;
  std::string name;
};

class Unpacking {
 public:
  Unpacking(const ArchiveLibrary& lib, archive* from, UniqueFd dir)
      : lib_(lib), from_(from), dir_(std::move(dir)) {}

  Status run() {
    archive_entry* entry = nullptr;
    for (;;) {
      const int result = lib_.read_next_header(from_, &entry);
      if (result == ARCHIVE_EOF) {
        return ok();
      }
      // A warning is a name that cannot be shown in this locale; its bytes are kept.
      if (result < ARCHIVE_WARN) {
        return tar_read_error(lib_, from_);
      }
      const std::string path = MOSB_TRY(clean_tar_path(lib_.entry_pathname(entry)));
      if (!path.empty()) {
        MOSB_CHECK(unpack(path, entry).context("unpack " + quote(path)));
      }
    }
  }

 private:
  Status unpack(const std::string& path, archive_entry* entry) {
    MOSB_CHECK(make_parents(path));
    const Place place = MOSB_TRY(find(path));
    if (const char* const target = lib_.entry_hardlink(entry)) {
      return make_link(place, MOSB_TRY(clean_tar_path(target)));
    }
    MOSB_CHECK(make(place, entry));
    return dress(place, entry);
  }

  Result<Place> find(const std::string& path) const {
    const std::string parent = parent_path(path);
    auto fd =
        sys::openat2(dir_.get(), parent.empty() ? "." : parent, O_PATH | O_DIRECTORY, kInside);
    if (!fd) {
      return std::move(fd).error().as(Errc::kContent);
    }
    return Place{*std::move(fd), name_of(path)};
  }

  Status make_parents(const std::string& path) const {
    const std::string parent = parent_path(path);
    if (parent.empty() || sys::openat2(dir_.get(), parent, O_PATH | O_DIRECTORY, kInside)) {
      return ok();
    }
    MOSB_CHECK(make_parents(parent));
    const Place place = MOSB_TRY(find(parent));
    if (::mkdirat(place.parent.get(), place.name.c_str(), kPrivateDir) < 0) {
      return failed("make the directory " + quote(parent));
    }
    return set_mode(place, kParentMode);
  }

  Status make_link(const Place& place, const std::string& target) const {
    const Place old = MOSB_TRY(find(target));
    if (::linkat(old.parent.get(), old.name.c_str(), place.parent.get(), place.name.c_str(), 0) <
        0) {
      return failed("link to " + quote(target));
    }
    return ok();
  }

  Status make(const Place& place, archive_entry* entry) {
    const int parent = place.parent.get();
    const char* const name = place.name.c_str();
    switch (lib_.entry_filetype(entry)) {
      case AE_IFREG:
        return write_file(place, static_cast<std::uint64_t>(lib_.entry_size(entry)));
      case AE_IFDIR:
        // It may be there as the parent of what came before it.
        return ::mkdirat(parent, name, kPrivateDir) == 0 || (errno == EEXIST && is_directory(place))
                   ? ok()
                   : failed("make the directory");
      case AE_IFLNK: {
        const char* const target = lib_.entry_symlink(entry);
        return ::symlinkat(target != nullptr ? target : "", parent, name) == 0
                   ? ok()
                   : failed("make the symlink");
      }
      default:
        break;
    }
    const auto device = makedev(static_cast<unsigned>(lib_.entry_rdevmajor(entry)),
                                static_cast<unsigned>(lib_.entry_rdevminor(entry)));
    return ::mknodat(parent, name, lib_.entry_filetype(entry) | kPrivateFile, device) == 0
               ? ok()
               : failed("make the device, pipe or socket");
  }

  Status write_file(const Place& place, std::uint64_t size) {
    const UniqueFd file(::openat(place.parent.get(),
                                 place.name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                 kPrivateFile));
    if (!file.is_open()) {
      return failed("make the file");
    }
    // Holes stay holes: what is not written is zero.
    if (::ftruncate(file.get(), static_cast<off_t>(size)) < 0) {
      return failed("set the size");
    }
    buffer_.resize(kTarChunk);
    std::uint64_t done = 0;
    while (done < size) {
      const la_ssize_t n = lib_.read_data(from_, buffer_.data(), buffer_.size());
      if (n < 0) {
        return tar_read_error(lib_, from_);
      }
      if (n == 0) {
        return Error(Errc::kContent, "the tar ends within a file");
      }
      const auto chunk = std::span<const char>(buffer_).first(static_cast<std::size_t>(n));
      if (std::ranges::any_of(chunk, [](char c) { return c != 0; })) {
        MOSB_CHECK(sys::pwrite_all(file.get(), std::as_bytes(chunk), static_cast<off_t>(done)));
      }
      done += chunk.size();
    }
    return ok();
  }

  Status dress(const Place& place, archive_entry* entry) const {
    // In this order: a new owner takes set-id bits and capabilities away.
    if (::fchownat(place.parent.get(),
                   place.name.c_str(),
                   static_cast<uid_t>(lib_.entry_uid(entry)),
                   static_cast<gid_t>(lib_.entry_gid(entry)),
                   AT_SYMLINK_NOFOLLOW) < 0) {
      return failed("set the owner");
    }
    if (lib_.entry_filetype(entry) != AE_IFLNK) {
      MOSB_CHECK(set_mode(place, lib_.entry_perm(entry)));
    }
    return set_attributes(place, entry);
  }

  Status set_attributes(const Place& place, archive_entry* entry) const {
    // The last part of a path in /proc/self/fd is not followed.
    const std::string path =
        "/proc/self/fd/" + std::to_string(place.parent.get()) + "/" + place.name;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    (void)lib_.entry_xattr_reset(entry);
    while (lib_.entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
      if (::lsetxattr(path.c_str(), name, value, size, 0) == 0) {
        continue;
      }
      const std::string what = "set the attribute " + quote(name);
      // ENOSPC: ext4 has one block for all of a file's attributes, however much room there is.
      if (errno == EOPNOTSUPP || errno == ENOSPC || errno == E2BIG) {
        return Error::sys(what + " of " + std::to_string(size) + " bytes", errno)
            .as(Errc::kHost)
            .with_hint("name a folder on another file system in TMPDIR");
      }
      return failed(what);
    }
    return ok();
  }

  static bool is_directory(const Place& place) {
    struct stat st {};
    return ::fstatat(place.parent.get(), place.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(st.st_mode);
  }

  /// Of what was just made, so no symlink.
  static Status set_mode(const Place& place, mode_t mode) {
    return ::fchmodat(place.parent.get(), place.name.c_str(), mode, 0) == 0
               ? ok()
               : failed("set the mode");
  }

  /// The tar asks for what cannot be, unless the host lacks room.
  static Status failed(const std::string& what) {
    return Error::sys(what, errno).as(Errc::kContent);
  }

  const ArchiveLibrary& lib_;
  archive* from_;
  UniqueFd dir_;
  std::vector<char> buffer_;
};

}  // namespace

Status unpack_tar(const std::string& tar, const RootDirectory& root, const std::string& dir) {
  const ArchiveLibrary& lib = *MOSB_TRY(oci::archive_library());
  const TarRead reader = MOSB_TRY(open_tar(lib, tar, TarFilters::kNone));
  UniqueFd fd = MOSB_TRY(sys::open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  MOSB_CHECK(Unpacking(lib, reader.get(), MOSB_TRY(sys::dup_cloexec(fd.get()))).run());
  if (::fchown(fd.get(), root.uid, root.gid) < 0 || ::fchmod(fd.get(), root.mode) < 0) {
    return Error::sys("set owner and mode of " + quote(dir), errno);
  }
  return ok();
}

}  // namespace mosb::agent
