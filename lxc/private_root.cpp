#include "lxc/private_root.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lxc/config_items.h"
#include "lxc/rootfs.h"
#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::lxc {

namespace {

struct DeviceNode {
  const char* name;
  unsigned minor;
};
constexpr std::array kMemoryDevices{DeviceNode{"null", 3},
                                    DeviceNode{"zero", 5},
                                    DeviceNode{"full", 7},
                                    DeviceNode{"random", 8},
                                    DeviceNode{"urandom", 9}};
constexpr unsigned kMemoryMajor = 1;
constexpr unsigned kTtyMajor = 5;

constexpr std::uint64_t kPlain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/// A mount that is not yet at any place, and where it will be in the new root.
struct DetachedMount {
  UniqueFd fd;
  std::string target;
  bool is_file = false;
};

Error sys_error(const std::string& what, int err, Errc code) {
  return Error::sys(what, err).as(code);
}

/// A copy of the mount at `path`, without what is mounted below it unless `recursive`.
Result<UniqueFd> copy_mount(const std::string& path, bool recursive = false) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0U);
  UniqueFd fd(::open_tree(AT_FDCWD, path.c_str(), flags));
  if (!fd.is_open()) {
    return sys_error("copy the mount of " + quote(path), errno, Errc::kRuntime);
  }
  return fd;
}

Status restrict_mount(const UniqueFd& mount, std::uint64_t attributes, const std::string& path) {
  mount_attr attr{};
  attr.attr_set = attributes;
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &attr, sizeof attr) < 0) {
    return sys_error("restrict the mount of " + quote(path), errno, Errc::kRuntime);
  }
  return ok();
}

Result<UniqueFd> copy_restricted(const std::string& path, std::uint64_t attributes) {
  UniqueFd fd = MOSB_TRY(copy_mount(path));
  MOSB_CHECK(restrict_mount(fd, attributes, path));
  return fd;
}

/// The image's root, prepared while it may still be writable.
Result<UniqueFd> copy_rootfs(const ContainerSpec& spec, std::vector<std::string>& tmpfs) {
  UniqueFd fd = MOSB_TRY(copy_mount(spec.rootfs));
  tmpfs = MOSB_TRY(prepare_rootfs(fd.get(), spec));
  const std::uint64_t readonly = spec.rootfs_readonly ? MOUNT_ATTR_RDONLY : 0;
  MOSB_CHECK(restrict_mount(fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | readonly, spec.rootfs));
  return fd;
}

Result<UniqueFd> copy_volume(const BindMount& mount) {
  const struct stat st = MOSB_TRY(sys::lstat(mount.source).as(Errc::kRuntime));
  if (!S_ISDIR(st.st_mode)) {
    return Error(Errc::kRuntime, "mount source " + quote(mount.source) + " is not a directory");
  }
  return copy_restricted(
      mount.source,
      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (mount.readonly ? MOUNT_ATTR_RDONLY : 0));
}

/// Of the very file that was looked at.
Result<UniqueFd> copy_file(const std::string& source) {
  const UniqueFd file = MOSB_TRY(sys::open(source, O_PATH | O_NOFOLLOW).as(Errc::kRuntime));
  const struct stat st = MOSB_TRY(sys::fstat(file.get(), source).as(Errc::kRuntime));
  if (!S_ISREG(st.st_mode)) {
    return Error(Errc::kRuntime, "file source " + quote(source) + " is not a regular file");
  }
  UniqueFd mount(::open_tree(file.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  if (!mount.is_open()) {
    return sys_error("copy the mount of " + quote(source), errno, Errc::kRuntime);
  }
  MOSB_CHECK(restrict_mount(mount, kPlain | MOUNT_ATTR_RDONLY, source));
  return mount;
}

Result<std::vector<DetachedMount>> copy_mounts(const ContainerSpec& spec,
                                               const std::string& init_program,
                                               std::vector<std::string>& tmpfs) {
  std::vector<DetachedMount> mounts;
  mounts.push_back({MOSB_TRY(copy_rootfs(spec, tmpfs)), kPrivateRootfs});
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    mounts.push_back({MOSB_TRY(copy_volume(spec.mounts[i])),
                      std::string(kPrivateVolumes) + "/" + std::to_string(i)});
  }
  const std::vector<FileBind> files = bound_files(spec);
  for (std::size_t i = 0; i < files.size(); ++i) {
    mounts.push_back({MOSB_TRY(copy_file(files[i].source)),
                      std::string(kPrivateFiles) + "/" + std::to_string(i),
                      true});
  }
  UniqueFd init = MOSB_TRY(
      copy_restricted(init_program, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY));
  mounts.push_back({std::move(init), kPrivateInit, true});
  mounts.push_back({MOSB_TRY(copy_mount("/proc")), "/proc"});
  if (spec.network == Network::kHost) {
    mounts.push_back(
        {MOSB_TRY(copy_restricted("/sys", kPlain | MOUNT_ATTR_RDONLY)), kPrivateHostSys});
  }
  mounts.push_back({MOSB_TRY(copy_mount("/sys")), "/sys"});
  mounts.push_back({MOSB_TRY(copy_mount("/sys/fs/cgroup", true)), "/sys/fs/cgroup"});
  if (path_exists("/sys/kernel/security/apparmor")) {
    mounts.push_back({MOSB_TRY(copy_mount("/sys/kernel/security")), "/sys/kernel/security"});
  }
  return mounts;
}

Status make_node(const std::string& path, unsigned major, unsigned minor) {
  if (::mknod(path.c_str(), S_IFCHR | 0666, makedev(major, minor)) < 0 ||
      ::chmod(path.c_str(), 0666) < 0) {
    return sys_error("make device " + quote(path), errno, Errc::kHost);
  }
  return ok();
}

Status make_devices(const std::string& root) {
  MOSB_CHECK(sys::mkdir(root + "/dev", 0755));
  for (const DeviceNode& device : kMemoryDevices) {
    MOSB_CHECK(make_node(root + "/dev/" + device.name, kMemoryMajor, device.minor));
  }
  return make_node(root + "/dev/tty", kTtyMajor, 0);
}

Status attach(const std::string& root, const DetachedMount& mount) {
  const std::string target = root + mount.target;
  if (mount.is_file) {
    (void)MOSB_TRY(sys::open(target, O_WRONLY | O_CREAT, 0755));
  } else if (mount.target.compare(0, 5, "/sys/") != 0) {
    MOSB_CHECK(sys::mkdir_all(target, 0755));
  }
  if (::move_mount(mount.fd.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0) {
    return sys_error("attach " + quote(mount.target), errno, Errc::kHost);
  }
  return ok();
}

/// The tmpfs is mounted over `root`; this makes it the only thing there is.
Status pivot(const std::string& root) {
  if (::chdir(root.c_str()) < 0 || ::syscall(SYS_pivot_root, ".", ".") < 0 ||
      ::umount2(".", MNT_DETACH) < 0 || ::chdir("/") < 0) {
    return sys_error("pivot_root to " + quote(root), errno, Errc::kHost);
  }
  return ok();
}

}  // namespace

Result<std::vector<std::string>> enter_private_root(const ContainerSpec& spec,
                                                    const std::string& init_program) {
  if (::unshare(CLONE_NEWNS) < 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr)) {
    return sys_error("make a mount namespace", errno, Errc::kHost);
  }
  std::vector<std::string> tmpfs;
  const std::vector<DetachedMount> mounts = MOSB_TRY(copy_mounts(spec, init_program, tmpfs));
  const std::string& root = spec.run_dir;
  if (::mount("mosb-run", root.c_str(), "tmpfs", MS_NOSUID, "mode=0755,size=4m") < 0) {
    return sys_error("mount a tmpfs over " + quote(root), errno, Errc::kHost);
  }
  ::umask(022);
  for (const char* dir : {kPrivateMountPoint, kPrivateLxcPath, kPrivateFiles, "/run"}) {
    MOSB_CHECK(sys::mkdir(root + dir, 0755));
  }
  MOSB_CHECK(make_devices(root));
  for (const DetachedMount& mount : mounts) {
    MOSB_CHECK(attach(root, mount));
  }
  MOSB_CHECK(pivot(root));
  return tmpfs;
}

}  // namespace mosb::lxc
