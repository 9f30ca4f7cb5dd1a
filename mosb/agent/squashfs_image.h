#pragma once

#include "mosb/agent/layer_image.h"
#include "mosb/agent/rootfs_tar.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// Makes a squashfs image of a directory, whose path is absolute. Errors: kContent, kHost.
Status make_squashfs_of_directory(const LayerImageRequest& request, ProcessRunner& processes);

/// The same from a tar that sqfstar takes as it is. Errors: kContent, kHost.
Status make_squashfs_of_tar(const LayerImageRequest& request,
                            const RootDirectory& root,
                            ProcessRunner& processes);

}  // namespace mosb::agent
