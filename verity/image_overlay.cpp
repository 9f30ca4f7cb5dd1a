#include "verity/image_overlay.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "mosb/base/file.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"
#include "verity/idmap.h"
#include "verity/mount_points.h"

namespace mosb::verity {

namespace {

constexpr mode_t kDirMode = 0700;
constexpr mode_t kRecordMode = 0600;
/// A file of one page costs an inode, too; so many files fill a tmpfs as its pages do.
constexpr std::uint64_t kBytesPerInode = 4096;
constexpr std::uint64_t kLeastInodes = 1024;

using Write = ImageMount::Write;

/// Where a tmpfs is attached while an overlay is made on it.
std::string tmpfs_dir(const MountEnvironment& environment) {
  return images_dir(environment) + "/tmpfs";
}

/// The second layer of an image that has one only: the kernel wants two if nothing is written.
std::string empty_dir(const MountEnvironment& environment) {
  return images_dir(environment) + "/empty";
}

Result<UniqueFd> make_idmapped(const LayerPlace& place, const IdRange& range, MountApi& api) {
  const UniqueFd root = MOSB_TRY(open_directory(place.mount()));
  UniqueFd mount = MOSB_TRY(api.clone(root.get()));
  const UniqueFd user_namespace = MOSB_TRY(make_user_namespace(range));
  MOSB_CHECK(api.set_attributes(mount.get(), MountAttributes{0, user_namespace.get()}));
  return mount;
}

/// The directories that an overlay is made of, held open, and the mounts that exist for it only.
struct OverlayParts {
  /// Top first.
  std::vector<UniqueFd> lower;
  UniqueFd upper;
  UniqueFd work;
  std::vector<std::string> temporary;
};

/// Linux before 6.15 takes only layers that are attached in the caller's mount namespace.
Status add_idmapped(const LayerPlace& place,
                    const IdRange& range,
                    MountApi& api,
                    OverlayParts& parts) {
  const UniqueFd mount = MOSB_TRY(make_idmapped(place, range, api));
  const UniqueFd target = MOSB_TRY(open_directory(place.idmapped()));
  MOSB_CHECK(api.attach(mount.get(), target.get()).context("mount at " + place.idmapped()));
  parts.temporary.push_back(place.idmapped());
  parts.lower.push_back(MOSB_TRY(open_directory(place.idmapped())));
  return ok();
}

Status add_lower(const OverlayRequest& request,
                 const MountEnvironment& environment,
                 MountApi& api,
                 OverlayParts& parts) {
  const ImageRecord& record = request.record;
  for (std::size_t i = request.places.size(); i-- > 0;) {
    const LayerPlace& place = request.places[i];
    if (record.display.idmap && !record.display.is_served(record.layers[i].layer.filesystem)) {
      MOSB_CHECK(add_idmapped(place, *record.display.idmap, api, parts));
    } else {
      parts.lower.push_back(MOSB_TRY(open_directory(place.mount())));
    }
  }
  if (!record.mount_points.empty()) {
    const std::string dir = MOSB_TRY(
        make_mount_points(environment, MountPoints{record.mount_points, record.display.idmap}));
    parts.lower.push_back(MOSB_TRY(open_directory(dir)));
  }
  if (parts.lower.size() == 1 && record.write == Write::kReadOnly) {
    MOSB_CHECK(sys::mkdir(empty_dir(environment), kDirMode));
    parts.lower.push_back(MOSB_TRY(open_directory(empty_dir(environment))));
  }
  return ok();
}

/// Mounts the tmpfs that is written to; its path is then the upper directory's parent.
Status add_tmpfs(const std::optional<ByteCount>& size,
                 const std::string& path,
                 MountApi& api,
                 OverlayParts& parts) {
  FilesystemConfig config{
      "tmpfs", "mosb", {{"mode", "0700"}}, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID};
  if (size) {
    const std::uint64_t inodes = std::max(kLeastInodes, size->value / kBytesPerInode);
    config.options.push_back({"size", std::to_string(size->value)});
    config.options.push_back({"nr_inodes", std::to_string(inodes)});
  }
  const UniqueFd mount = MOSB_TRY(api.create(config));
  MOSB_CHECK(sys::mkdir(path, kDirMode));
  const UniqueFd target = MOSB_TRY(open_directory(path));
  MOSB_CHECK(api.attach(mount.get(), target.get()).context("mount at " + quote(path)));
  parts.temporary.push_back(path);
  return ok();
}

Status check_upper_filesystem(int dir, const std::string& path) {
  struct statfs fs {};
  if (::fstatfs(dir, &fs) < 0) {
    return Error::sys("stat the file system of " + quote(path), errno);
  }
  const auto type = static_cast<std::uint64_t>(fs.f_type);
  if (type == OVERLAYFS_SUPER_MAGIC || type == NFS_SUPER_MAGIC || type == FUSE_SUPER_MAGIC) {
    return Error(Errc::kHost,
                 "upper directory " + quote(path) +
                     " is on an overlay, NFS or FUSE, which cannot "
                     "carry what is written to an image")
        .with_hint("choose a directory on a local file system or a tmpfs");
  }
  return ok();
}

struct Subdirectory {
  UniqueFd fd;
  bool is_new = false;
};

Result<Subdirectory> make_subdirectory(int parent, const char* name) {
  const bool is_new = ::mkdirat(parent, name, kDirMode) == 0;
  if (!is_new && errno != EEXIST) {
    return Error::sys("mkdir " + quote(name), errno);
  }
  return Subdirectory{MOSB_TRY(sys::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
                      is_new};
}

/// The upper directory's own mode and owner show at the root of the mounted image: they are the top
/// layer's.
Status dress_as(int directory, int model) {
  const struct stat like = MOSB_TRY(sys::fstat(model, "the top layer"));
  if (::fchown(directory, like.st_uid, like.st_gid) < 0 ||
      ::fchmod(directory, like.st_mode & 07777U) < 0) {
    return Error::sys("set owner and mode of the upper directory", errno);
  }
  return ok();
}

Status add_upper(const ImageRecord& record,
                 const MountEnvironment& environment,
                 MountApi& api,
                 OverlayParts& parts) {
  if (record.write == Write::kReadOnly) {
    return ok();
  }
  std::string path = record.upper_dir;
  if (record.write == Write::kTmpfs) {
    path = tmpfs_dir(environment);
    MOSB_CHECK(add_tmpfs(record.tmpfs_size, path, api, parts));
  }
  const UniqueFd parent = MOSB_TRY(sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  MOSB_CHECK(check_upper_filesystem(parent.get(), path));
  Subdirectory upper = MOSB_TRY(make_subdirectory(parent.get(), "upper"));
  if (upper.is_new) {
    MOSB_CHECK(dress_as(upper.fd.get(), parts.lower.front().get()));
  }
  parts.upper = std::move(upper.fd);
  parts.work = MOSB_TRY(make_subdirectory(parent.get(), "work")).fd;
  return ok();
}

OverlayLayers descriptors(const OverlayParts& parts) {
  OverlayLayers layers;
  for (const UniqueFd& fd : parts.lower) {
    layers.lower.push_back(fd.get());
  }
  layers.upper = parts.upper.get();
  layers.work = parts.work.get();
  return layers;
}

}  // namespace

Status mount_overlay(const OverlayRequest& request,
                     const MountEnvironment& environment,
                     MountApi& api) {
  OverlayParts parts;
  MOSB_CHECK(add_lower(request, environment, api, parts));
  MOSB_CHECK(add_upper(request.record, environment, api, parts));
  const std::string text = request.record.print();
  const OverlayConfig config = MOSB_TRY(overlay_config(descriptors(parts),
                                                       overlay_marks(environment),
                                                       overlay_source(environment, text),
                                                       request.target));
  MOSB_CHECK(write_file_atomic(record_path(environment, request.record.target), text, kRecordMode));
  MOSB_CHECK(api.mount_overlay(config));
  // The overlay holds its layers itself; what they were attached for is done.
  for (const std::string& path : parts.temporary) {
    MOSB_CHECK(api.unmount(path, Unmount::kDetach));
  }
  return ok();
}

Status remove_temporary_mounts(const MountEnvironment& environment, MountApi& api) {
  const MountTable table = MOSB_TRY(MountTable::read());
  if (table.top_at(tmpfs_dir(environment)) != nullptr) {
    return api.unmount(tmpfs_dir(environment), Unmount::kDetach);
  }
  return ok();
}

}  // namespace mosb::verity
