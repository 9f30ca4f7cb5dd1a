#pragma once

#include <string>

#include "mosb/agent/layer_image.h"
#include "mosb/agent/rootfs_tar.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// Makes an erofs image of a directory, whose path is absolute. Errors: kContent, kHost.
Status make_erofs_of_directory(const LayerImageRequest& request, ProcessRunner& processes);

/// The same from a plain tar. mkfs.erofs 1.5 reads directories only, so the tar is unpacked in
/// `temp_dir`, which must be private, with its owners and devices; that needs root. Errors:
/// kContent, kResource, kHost, also for anybody but root.
Status make_erofs_of_tar(const LayerImageRequest& request,
                         const RootDirectory& root,
                         ProcessRunner& processes,
                         const std::string& temp_dir);

}  // namespace mosb::agent
