#include "verity/mount_api.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::verity {

namespace {

/// What the kernel logged in a file system context: lines "e …", "w …", "i …".
std::string context_log(int context) {
  std::string text;
  std::array<char, 256> line{};
  for (;;) {
    const ssize_t n = ::read(context, line.data(), line.size());
    if (n <= 2) {
      return text;
    }
    const std::string_view message(line.data() + 2, static_cast<std::size_t>(n) - 2);
    text += (text.empty() ? " (kernel: " : "; ");
    text += escape(message.substr(0, message.find('\n')));
  }
}

Error context_error(int context, const std::string& what, int err) {
  const std::string log = context_log(context);
  Error error = Error::sys(what + (log.empty() ? "" : log + ")"), err);
  // No driver for the file system.
  return err == ENODEV ? std::move(error).as(Errc::kHost) : error;
}

Status configure(int context, const FilesystemConfig& config) {
  const std::string what = "mount " + config.type;
  if (::fsconfig(context, FSCONFIG_SET_STRING, "source", config.source.c_str(), 0) < 0) {
    return context_error(context, what + ": set source " + quote(config.source), errno);
  }
  for (const MountOption& option : config.options) {
    const bool flag = option.value.empty();
    if (::fsconfig(context,
                   flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                   option.name.c_str(),
                   flag ? nullptr : option.value.c_str(),
                   0) < 0) {
      return context_error(context, what + ": set option " + quote(option.name), errno);
    }
  }
  if (::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) {
    return context_error(context, what + " from " + quote(config.source), errno);
  }
  return ok();
}

}  // namespace

Result<UniqueFd> KernelMountApi::create(const FilesystemConfig& config) {
  const UniqueFd context(::fsopen(config.type.c_str(), FSOPEN_CLOEXEC));
  if (!context.is_open()) {
    const int err = errno;
    const bool missing = err == ENODEV || err == ENOSYS;
    Error error = Error::sys("open file system type " + quote(config.type), err);
    return missing ? std::move(error)
                         .as(Errc::kHost)
                         .with_hint("this kernel lacks " + config.type + "; load its module")
                   : error;
  }
  MOSB_CHECK(configure(context.get(), config));
  UniqueFd mount(
      ::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(config.attributes)));
  if (!mount.is_open()) {
    return context_error(context.get(), "mount " + config.type, errno);
  }
  return mount;
}

Result<UniqueFd> KernelMountApi::clone(int directory) {
  UniqueFd mount(::open_tree(directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH));
  if (!mount.is_open()) {
    return Error::sys("clone a mount", errno);
  }
  return mount;
}

Status KernelMountApi::set_attributes(int mount, const MountAttributes& attributes) {
  mount_attr attr{};
  attr.attr_set = attributes.set;
  // A copy of a shared mount would carry what is done to it to other mount namespaces.
  attr.propagation = MS_PRIVATE;
  if (attributes.user_namespace >= 0) {
    attr.attr_set |= MOUNT_ATTR_IDMAP;
    attr.userns_fd = static_cast<__u64>(attributes.user_namespace);
  }
  if (::mount_setattr(mount, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0) {
    return Error::sys("set mount attributes", errno);
  }
  return ok();
}

Status KernelMountApi::attach(int mount, int target) {
  if (::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
    return Error::sys("attach a mount", errno);
  }
  return ok();
}

Status KernelMountApi::mount_overlay(const OverlayConfig& config) {
  // The magic link leads to the very directory that was opened, whatever its path is now.
  const std::string target = "/proc/self/fd/" + std::to_string(config.target);
  if (::mount(
          config.source.c_str(), target.c_str(), "overlay", config.flags, config.options.c_str()) <
      0) {
    const int err = errno;
    Error error = Error::sys("mount overlay with " + quote(config.options), err);
    return err == ENODEV ? std::move(error).as(Errc::kHost) : error;
  }
  return ok();
}

Status KernelMountApi::unmount(const std::string& path, Unmount how) {
  const int flags = UMOUNT_NOFOLLOW | (how == Unmount::kDetach ? MNT_DETACH : 0);
  if (::umount2(path.c_str(), flags) == 0) {
    return ok();
  }
  const int err = errno;
  // EINVAL: not a mount point; both say that there is nothing to unmount.
  if (err == EINVAL || err == ENOENT) {
    return ok();
  }
  Error error = Error::sys("unmount " + quote(path), err);
  return err == EBUSY ? std::move(error).as(Errc::kBusy) : error;
}

Result<LoopDevice> KernelMountApi::attach_loop(const LoopSetup& setup) {
  KernelLoopApi loops;
  return LoopDevice::attach(setup, loops);
}

Result<LayerServer> KernelMountApi::start_server(const ServerSetup& setup) {
  return LayerServer::start(setup);
}

Result<VerityDevice> KernelMountApi::activate_verity(const VeritySetup& setup) {
  return VerityDevice::activate(setup);
}

}  // namespace mosb::verity
