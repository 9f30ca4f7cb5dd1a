#include "mosb/agent/layer_image.h"

#include <cerrno>
#include <cstdlib>
#include <memory>

#include <sys/stat.h>

#include "mosb/agent/erofs_image.h"
#include "mosb/agent/squashfs_image.h"
#include "mosb/base/sys.h"
#include "mosb/base/text.h"

namespace mosb::agent {

namespace {

/// The path without symlinks, so that a tool neither packs a link nor takes a name for a flag.
Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (!real) {
    return Error::sys("rootfs " + quote(path), errno).as(Errc::kUsage);
  }
  return std::string(real.get());
}

Status pack_directory(const LayerImageRequest& request, ProcessRunner& processes) {
  return request.format.filesystem == Filesystem::kErofs
             ? make_erofs_of_directory(request, processes)
             : make_squashfs_of_directory(request, processes);
}

Status pack_tar(const LayerImageRequest& request,
                ProcessRunner& processes,
                const std::string& temp_dir) {
  const std::string plain = temp_dir + "/rootfs.tar";
  const RootDirectory root = MOSB_TRY(normalise_rootfs_tar(request.rootfs, plain));
  LayerImageRequest of_plain = request;
  of_plain.rootfs = plain;
  const Status packed = make_layer_image_of_tar(of_plain, root, processes, temp_dir);
  MOSB_CHECK(sys::unlink(plain));
  return packed;
}

}  // namespace

Status make_layer_image(const LayerImageRequest& request,
                        ProcessRunner& processes,
                        const std::string& temp_dir) {
  const std::string what = "pack " + quote(request.rootfs);
  LayerImageRequest of_real = request;
  of_real.rootfs = MOSB_TRY(real_path(request.rootfs));
  const struct stat st = MOSB_TRY(sys::lstat(of_real.rootfs));
  if (S_ISDIR(st.st_mode)) {
    return pack_directory(of_real, processes).context(what);
  }
  if (S_ISREG(st.st_mode)) {
    return pack_tar(of_real, processes, temp_dir).context(what);
  }
  return Error(Errc::kUsage, "rootfs " + quote(request.rootfs) + " is no directory and no tar");
}

Status make_layer_image_of_tar(const LayerImageRequest& request,
                               const RootDirectory& root,
                               ProcessRunner& processes,
                               const std::string& temp_dir) {
  return request.format.filesystem == Filesystem::kErofs
             ? make_erofs_of_tar(request, root, processes, temp_dir)
             : make_squashfs_of_tar(request, root, processes);
}

}  // namespace mosb::agent
