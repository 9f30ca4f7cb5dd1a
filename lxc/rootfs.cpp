#include "lxc/rootfs.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

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

/// Makes the missing directories of `path` as the container's root would.
Status make_directories(int rootfs, const std::string& path, const ContainerSpec& spec) {
  const uid_t owner = spec.idmap ? spec.idmap->host_base : 0;
  ::setfsgid(owner);
  ::setfsuid(owner);
  const ScopeExit restore([] {
    ::setfsuid(0);
    ::setfsgid(0);
  });
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

bool is_below(const std::string& path, const std::string& dir) {
  return path == dir || path.compare(0, dir.size() + 1, dir + "/") == 0;
}

/// Whether something else is mounted over the place, so that the image says nothing about it.
bool is_covered(const std::string& path, const ContainerSpec& spec) {
  for (const char* dir : {"/proc", "/sys", "/dev"}) {
    if (is_below(path, dir)) {
      return true;
    }
  }
  return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const BindMount& mount) {
    return mount.dest != path && is_below(path, mount.dest);
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
