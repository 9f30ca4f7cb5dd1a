#pragma once

#include <cstdint>
#include <string>

#include "mosb/agent/rootfs_tar.h"
#include "mosb/base/process.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// How the data of a squashfs image is compressed.
enum class Compression { kZstd, kGzip, kXz, kLz4 };

/// "zstd", "gzip", "xz", "lz4": as mksquashfs and the layer's media type have it.
const char* compression_name(Compression compression);
/// Errors: kUsage.
Result<Compression> parse_compression(const std::string& name);

struct SquashfsRequest {
  /// A directory, or a tar file of any compression.
  std::string rootfs;
  /// The image to make; must not exist.
  std::string output;
  Compression compression = Compression::kZstd;
  /// Of every file and of the image, in seconds of the epoch: the input's own times would make the
  /// same tree give another image.
  std::uint32_t timestamp = 0;
};

/// Makes a squashfs image with the input's owners, modes, devices and extended attributes; the same
/// input gives the same bytes. `temp_dir` holds the unpacked tar meanwhile. Errors: kUsage if there
/// is no such rootfs, kContent for a bad tar or what mksquashfs refuses, kHost without
/// squashfs-tools.
Status make_squashfs(const SquashfsRequest& request,
                     ProcessRunner& processes,
                     const std::string& temp_dir);

/// The same from a tar that sqfstar takes as it is, in the place of `rootfs`. Errors: kContent,
/// kHost.
Status make_squashfs_of_tar(const SquashfsRequest& request,
                            const RootDirectory& root,
                            ProcessRunner& processes);

}  // namespace mosb::agent
