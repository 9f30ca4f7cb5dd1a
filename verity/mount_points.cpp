#include "verity/mount_points.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mosb/base/digest.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::verity {

namespace {

constexpr std::size_t kMaxMountPoints = 16;
constexpr std::size_t kMaxLength = 1024;
constexpr std::size_t kMaxName = 255;  // NAME_MAX of every file system that a run directory is on
constexpr std::size_t kMaxDepth = 16;
constexpr mode_t kDirMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr const char* kPrefix = "points-";
/// Of a tree that is not whole yet.
constexpr const char* kHalfMade = ".new";

bool is_name(const std::string& part) {
  return !part.empty() && part != "." && part != ".." && part.size() <= kMaxName;
}

Status check_path(const std::string& path) {
  if (!is_printable_line(path) || !is_utf8(path)) {
    return Error(Errc::kUsage,
                 "mount point " + quote(path) + " has control characters or is not UTF-8");
  }
  const std::vector<std::string> parts = split(path, '/');
  if (path.empty() || path[0] != '/' || !std::all_of(parts.begin() + 1, parts.end(), is_name)) {
    return Error(Errc::kUsage, "mount point " + quote(path) + " is not absolute and normalised");
  }
  if (path.size() > kMaxLength || parts.size() - 1 > kMaxDepth) {
    return Error(Errc::kUsage, "mount point " + quote(path) + " is too long");
  }
  return ok();
}

/// Owner and mode whatever the umask is.
Status dress(int fd, mode_t mode, std::uint32_t owner, const std::string& what) {
  if (::fchown(fd, owner, owner) < 0 || ::fchmod(fd, mode) < 0) {
    return Error::sys("set owner and mode of " + quote(what), errno);
  }
  return ok();
}

Result<UniqueFd> make_dir(int parent, const std::string& name, std::uint32_t owner) {
  if (::mkdirat(parent, name.c_str(), kDirMode) < 0 && errno != EEXIST) {
    return Error::sys("mkdir " + quote(name), errno);
  }
  UniqueFd dir = MOSB_TRY(sys::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  MOSB_CHECK(dress(dir.get(), kDirMode, owner, name));
  return dir;
}

Status make_mount_point(int root, const std::string& path, std::uint32_t owner) {
  std::vector<std::string> parts = split(std::string_view(path).substr(1), '/');
  const std::string name = parts.back();
  parts.pop_back();
  UniqueFd dir = MOSB_TRY(sys::dup_cloexec(root));
  for (const std::string& part : parts) {
    dir = MOSB_TRY(make_dir(dir.get(), part, owner));
  }
  const UniqueFd file =
      MOSB_TRY(sys::openat(dir.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode));
  return dress(file.get(), kFileMode, owner, path);
}

Status make_tree(const std::string& dir, const MountPoints& points) {
  const std::uint32_t owner = points.idmap ? points.idmap->host_base : 0;
  const UniqueFd root = MOSB_TRY(make_dir(AT_FDCWD, dir, owner));
  for (const std::string& path : points.paths) {
    MOSB_CHECK(make_mount_point(root.get(), path, owner).context("make " + quote(path)));
  }
  return ok();
}

}  // namespace

Status check_mount_points(const std::vector<std::string>& paths) {
  if (paths.size() > kMaxMountPoints) {
    return Error(Errc::kUsage,
                 "an image can get " + std::to_string(kMaxMountPoints) + " mount points, not " +
                     std::to_string(paths.size()));
  }
  for (const std::string& path : paths) {
    MOSB_CHECK(check_path(path));
    const auto below = std::find_if(paths.begin(), paths.end(), [&](const std::string& other) {
      return other.starts_with(path + "/");
    });
    if (below != paths.end()) {
      return Error(Errc::kUsage,
                   "mount point " + quote(*below) + " is below " + quote(path) + ", a file");
    }
  }
  return ok();
}

std::vector<std::string> sorted_mount_points(std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

std::string mount_points_dir(const MountEnvironment& environment, const MountPoints& points) {
  std::string text = points.idmap ? std::to_string(points.idmap->host_base) + "+" +
                                        std::to_string(points.idmap->count)
                                  : "host";
  for (const std::string& path : points.paths) {
    text += "\n" + path;
  }
  return images_dir(environment) + "/" + kPrefix + Digest::of(std::string_view(text)).hex();
}

Result<std::string> make_mount_points(const MountEnvironment& environment,
                                      const MountPoints& points) {
  std::string dir = mount_points_dir(environment, points);
  if (path_exists(dir)) {
    return dir;
  }
  const std::string half_made = dir + kHalfMade;
  MOSB_CHECK(remove_tree(half_made));
  MOSB_CHECK(make_tree(half_made, points).context("make mount points"));
  MOSB_CHECK(sys::rename(half_made, dir));
  return dir;
}

Status remove_mount_points(const MountEnvironment& environment,
                           const std::vector<std::string>& used_dirs) {
  for (const std::string& name : MOSB_TRY(names_in(images_dir(environment)))) {
    const std::string dir = images_dir(environment) + "/" + name;
    if (name.starts_with(kPrefix) &&
        std::find(used_dirs.begin(), used_dirs.end(), dir) == used_dirs.end()) {
      MOSB_CHECK(remove_tree(dir));
    }
  }
  return ok();
}

}  // namespace mosb::verity
