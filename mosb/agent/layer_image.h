#pragma once

#include <cstdint>
#include <string>

#include "mosb/agent/layer_format.h"
#include "mosb/agent/rootfs_tar.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// The image of a file system, to be made of a root file system.
struct LayerImageRequest {
  /// A directory, or a tar file of any compression.
  std::string rootfs;
  /// The image to make; must not exist.
  std::string output;
  LayerFormat format = {};
  /// Of every file and of the image, in seconds of the epoch: the input's own times would make the
  /// same tree give another image.
  std::uint32_t timestamp = 0;
};

/// Makes an image with the input's owners, modes, devices and extended attributes; the same input
/// gives the same bytes. `temp_dir` is private and holds the unpacked tar meanwhile. Errors: kUsage
/// if there is no such rootfs, kContent for a bad tar or what the tool refuses, kHost without
/// squashfs-tools or erofs-utils, and those of make_erofs_of_tar().
Status make_layer_image(const LayerImageRequest& request,
                        ProcessRunner& processes,
                        const std::string& temp_dir);

/// The same from a plain tar of clean paths, in the place of `rootfs`; `root` is its own root
/// directory. Errors: kContent, kHost, and those of make_erofs_of_tar().
Status make_layer_image_of_tar(const LayerImageRequest& request,
                               const RootDirectory& root,
                               ProcessRunner& processes,
                               const std::string& temp_dir);

}  // namespace mosb::agent
