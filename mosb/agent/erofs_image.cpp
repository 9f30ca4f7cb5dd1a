#include "mosb/agent/erofs_image.h"

#include <cerrno>
#include <string>

#include <sys/xattr.h>
#include <unistd.h>

#include "mosb/agent/image_tool.h"
#include "mosb/agent/unpacked_tar.h"
#include "mosb/base/temp_dir.h"

namespace mosb::agent {

namespace {

/// Of data that is compressed together: larger ones make a smaller image, of which more is read for
/// a small file. Needs Linux 5.13.
constexpr char kClusterSize[] = "-C65536";
/// The image's own id would be random.
constexpr char kNoUuid[] = "-U00000000-0000-0000-0000-000000000000";

/// mkfs.erofs fails on a file system without attributes, unless it is told not to look for any.
const char* attributes_of(const std::string& dir) {
  return ::llistxattr(dir.c_str(), nullptr, 0) < 0 && errno == EOPNOTSUPP ? "-x-1" : "-x2";
}

}  // namespace

Status make_erofs_of_directory(const LayerImageRequest& request, ProcessRunner& processes) {
  return run_image_tool(ImageTool{{"mkfs.erofs",
                                   "--quiet",
                                   attributes_of(request.rootfs),
                                   std::string("-z") + compression_name(request.format.compression),
                                   kClusterSize,
                                   kNoUuid,
                                   "-T" + std::to_string(request.timestamp),
                                   request.output,
                                   request.rootfs},
                                  -1,
                                  "erofs-utils"},
                        processes);
}

Status make_erofs_of_tar(const LayerImageRequest& request,
                         const RootDirectory& root,
                         ProcessRunner& processes,
                         const std::string& temp_dir) {
  if (::geteuid() != 0) {
    return Error(Errc::kHost, "only root can make an erofs image of a tar")
        .with_hint("run it as root, or make a squashfs image");
  }
  const TempDir tree = MOSB_TRY(TempDir::make(temp_dir, "tree-"));
  MOSB_CHECK(unpack_tar(request.rootfs, root, tree.path()));
  LayerImageRequest of_tree = request;
  of_tree.rootfs = tree.path();
  return make_erofs_of_directory(of_tree, processes);
}

}  // namespace mosb::agent
