#include "verity/volume.h"

#include <cerrno>

#include <linux/mount.h>

#include "mosb/base/text.h"
#include "verity/idmap.h"
#include "verity/layer_mount.h"
#include "verity/mount_api.h"

namespace mosb::verity {

namespace {

Status set_attributes(int mount, const VolumeBindOptions& options, MountApi& api) {
  MountAttributes attributes;
  attributes.set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
                   (options.readonly ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0U);
  MOSB_CHECK(api.set_attributes(mount, attributes));
  if (!options.idmap) {
    return ok();
  }
  const UniqueFd user_namespace = MOSB_TRY(make_user_namespace(*options.idmap));
  const Status mapped = api.set_attributes(mount, MountAttributes{0, user_namespace.get()});
  if (!mapped && mapped.error().sys_errno() == EINVAL) {
    return Error(Errc::kHost, "its file system cannot be id-mapped by this kernel")
        .with_hint("keep volumes on ext4, xfs or btrfs");
  }
  return mapped;
}

}  // namespace

Status bind_volume(const std::string& source,
                   const std::string& target,
                   const VolumeBindOptions& options) {
  KernelMountApi api;
  const auto bind = [&]() -> Status {
    const UniqueFd directory = MOSB_TRY(open_directory(source));
    const UniqueFd mount_point = MOSB_TRY(open_directory(target));
    const UniqueFd mount = MOSB_TRY(api.clone(directory.get()));
    MOSB_CHECK(set_attributes(mount.get(), options, api));
    return api.attach(mount.get(), mount_point.get());
  };
  Status bound = bind();
  if (!bound && bound.error().code() != Errc::kHost) {
    bound = std::move(bound).as(Errc::kVolume);
  }
  return std::move(bound).context("bind volume " + quote(source) + " to " + quote(target));
}

Status umount_target(const std::string& target) {
  KernelMountApi api;
  return api.unmount(target, Unmount::kIfIdle);
}

}  // namespace mosb::verity
