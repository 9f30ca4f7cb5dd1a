#pragma once

#include <string>

#include "mosb/base/filesystem.h"
#include "mosb/base/result.h"

namespace mosb::agent {

/// How the data of a layer is compressed.
enum class Compression { kZstd, kGzip, kXz, kLz4, kLz4hc };

/// What a new layer is.
struct LayerFormat {
  Filesystem filesystem = Filesystem::kSquashfs;
  Compression compression = Compression::kZstd;
};

/// "zstd", "gzip", "xz", "lz4", "lz4hc": as the tools and media types call it.
const char* compression_name(Compression compression);
/// From the names of file system and compression; "" for the compression is zstd for squashfs and
/// lz4hc for erofs. Errors: kUsage, also for a compression that the file system's tool in Debian 12
/// does not have.
Result<LayerFormat> parse_layer_format(const std::string& filesystem,
                                       const std::string& compression);
/// "application/vnd.stacker.image.layer.squashfs+zstd".
std::string layer_media_type(const LayerFormat& format);

}  // namespace mosb::agent
