#include "lxc/rootfs.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/scope_exit.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

constexpr std::uint64_t kNoLinks = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
constexpr std::uint64_t kInside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

enum class Found { kDirectory, kMissing, kOther };

/// What is at `path` (absolute in the image).
Result<Found> look(int rootfs, const std::string& path, std::uint64_t resolve) {
  const auto fd =
      sys::openat2(rootfs, path == "/" ? "." : path.substr(1), O_PATH | O_DIRECTORY, resolve);
  if (fd) {
    return Found::kDirectory;
  }
  const int err = fd.error().sys_errno();
  if (err == ENOENT) {
    return Found::kMissing;
  }
  if (err == ELOOP || err == ENOTDIR) {
    return Found::kOther;
  }
  return Error(fd.error()).context("look into the image").as(Errc::kRuntime);
}

/// Until the end of the value's life files are made, and rights judged, as for the container's
/// root.
auto act_as_its_root(const ContainerSpec& spec) {
  const uid_t owner = spec.idmap ? spec.idmap->host_base : 0;
  ::setfsgid(owner);
  ::setfsuid(owner);
  return ScopeExit([] {
    ::setfsuid(0);
    ::setfsgid(0);
  });
}

/// Makes the missing directories of `path` as the container's root would.
Status make_directories(int rootfs, const std::string& path, const ContainerSpec& spec) {
  const auto restore = act_as_its_root(spec);
  UniqueFd dir = MOSB_TRY(sys::openat(rootfs, ".", O_RDONLY | O_DIRECTORY));
  for (const std::string& part : split(std::string_view(path).substr(1), '/')) {
    if (::mkdirat(dir.get(), part.c_str(), 0755) < 0 && errno != EEXIST) {
      const int err = errno;
      return Error::sys("make directory " + quote(path) + " in the image", err).as(Errc::kRuntime);
    }
    dir = MOSB_TRY(sys::openat2(dir.get(), part, O_PATH | O_DIRECTORY, kInside)
                       .context("make directory " + quote(path) + " in the image")
                       .as(Errc::kRuntime));
  }
  return ok();
}

/// A directory of its own at `path`, made if it is missing and may be.
Status require_mount_point(int rootfs, const std::string& path, const ContainerSpec& spec) {
  switch (MOSB_TRY(look(rootfs, path, kNoLinks))) {
    case Found::kDirectory:
      return ok();
    case Found::kOther:
      return Error(Errc::kRuntime,
                   "the image has a symlink or file on the way to " + quote(path) +
                       ", where a directory must be");
    case Found::kMissing:
      break;
  }
  if (spec.rootfs_readonly) {
    return Error(Errc::kRuntime,
                 "the image has no directory " + quote(path) +
                     " and its root file system is read-only")
        .with_hint("add the directory to the image, or make the root file system writable");
  }
  return make_directories(rootfs, path, spec);
}

/// Puts an empty file at `name`, instead of what is there already if `replace`.
Status make_file(int dir, const std::string& name, bool replace, const ContainerSpec& spec) {
  const auto restore = act_as_its_root(spec);
  if (replace && ::unlinkat(dir, name.c_str(), 0) < 0) {
    return Error::sys("remove what is there", errno);
  }
  (void)MOSB_TRY(sys::openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  return ok();
}

/// Type and mode of `name` itself in a directory; 0 if there is nothing.
Result<mode_t> mode_of(int dir, const std::string& name) {
  struct stat st {};
  if (::fstatat(dir, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
    return st.st_mode;
  }
  const int err = errno;
  return err == ENOENT ? Result<mode_t>(0) : Error::sys("stat " + quote(name), err);
}

/// A read-only image that has no regular file at `path`.
Error no_place_for_file(const std::string& path, bool is_missing) {
  return Error(Errc::kRuntime,
               (is_missing ? "the image has no file " + quote(path)
                           : "the image has a symlink or special file at " + quote(path) +
                                 ", where a file is bound,") +
                   " and its root file system is read-only")
      .with_hint("put an empty file there in the image, or make the root file system writable");
}

/// What a file may be bound over: a regular file that no symlink leads to.
Status require_file(int rootfs, const std::string& path, const ContainerSpec& spec) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
  const std::string name = path.substr(slash + 1);
  const Found on_the_way = MOSB_TRY(look(rootfs, parent, kNoLinks));
  if (on_the_way == Found::kOther) {
    return Error(Errc::kRuntime,
                 "the image has a symlink or file on the way to " + quote(path) +
                     ", where a file is bound")
        .with_hint("make " + quote(parent) + " a directory in the image");
  }
  if (on_the_way == Found::kMissing) {
    if (spec.rootfs_readonly) {
      return no_place_for_file(path, true);
    }
    MOSB_CHECK(make_directories(rootfs, parent, spec));
  }
  const UniqueFd dir = MOSB_TRY(
      sys::openat2(rootfs, parent == "/" ? "." : parent.substr(1), O_PATH | O_DIRECTORY, kNoLinks)
          .context("look into the image")
          .as(Errc::kRuntime));
  const mode_t mode =
      MOSB_TRY(mode_of(dir.get(), name).context("look into the image").as(Errc::kRuntime));
  if (S_ISREG(mode)) {
    return ok();
  }
  if (S_ISDIR(mode)) {
    return Error(Errc::kRuntime,
                 "the image has a directory at " + quote(path) + ", where a file is bound")
        .with_hint("put an empty file there in the image");
  }
  if (spec.rootfs_readonly) {
    return no_place_for_file(path, mode == 0);
  }
  return make_file(dir.get(), name, mode != 0, spec)
      .context("make file " + quote(path) + " in the image")
      .as(Errc::kRuntime);
}

/// Whether something else is mounted over the place, so that the image says nothing about it.
bool is_covered(const std::string& path, const ContainerSpec& spec) {
  for (const char* dir : {"/proc", "/sys", "/dev"}) {
    if (is_at_or_below(path, dir)) {
      return true;
    }
  }
  return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const BindMount& mount) {
    return mount.dest != path && is_at_or_below(path, mount.dest);
  });
}

Status require_working_directory(int rootfs, const ContainerSpec& spec) {
  const std::string& cwd = spec.process.cwd;
  const bool mounted = std::any_of(
      spec.mounts.begin(), spec.mounts.end(), [&](const auto& m) { return m.dest == cwd; });
  if (mounted || is_covered(cwd, spec)) {
    return ok();
  }
  switch (MOSB_TRY(look(rootfs, cwd, kInside))) {
    case Found::kDirectory:
      return ok();
    case Found::kOther:
      return Error(Errc::kRuntime, "working directory " + quote(cwd) + " is not a directory");
    case Found::kMissing:
      break;
  }
  if (spec.rootfs_readonly) {
    return Error(Errc::kRuntime,
                 "the image has no working directory " + quote(cwd) +
                     " and its root file system is read-only")
        .with_hint("add the directory to the image, or make the root file system writable");
  }
  return make_directories(rootfs, cwd, spec);
}

}  // namespace

Result<std::vector<std::string>> prepare_rootfs(int rootfs, const ContainerSpec& spec) {
  for (const char* path : {"/proc", "/sys", "/dev"}) {
    MOSB_CHECK(require_mount_point(rootfs, path, spec));
  }
  for (const BindMount& mount : spec.mounts) {
    if (!is_covered(mount.dest, spec)) {
      MOSB_CHECK(require_mount_point(rootfs, mount.dest, spec));
    }
  }
  MOSB_CHECK(require_working_directory(rootfs, spec));
  for (const FileBind& file : bound_files(spec)) {
    MOSB_CHECK(require_file(rootfs, file.dest, spec));
  }
  std::vector<std::string> tmpfs;
  for (const std::string dir : {"/tmp", "/run"}) {
    const bool is_volume = std::any_of(
        spec.mounts.begin(), spec.mounts.end(), [&](const auto& m) { return m.dest == dir; });
    if (!spec.rootfs_readonly || is_volume) {
      continue;
    }
    // An image without the directory has no program that writes there.
    const Found found = MOSB_TRY(look(rootfs, dir, kNoLinks));
    if (found == Found::kOther) {
      return Error(Errc::kRuntime, "the image has a symlink or file at " + quote(dir));
    }
    if (found == Found::kDirectory) {
      tmpfs.push_back(dir);
    }
  }
  return tmpfs;
}

}  // namespace mosb::lxc
