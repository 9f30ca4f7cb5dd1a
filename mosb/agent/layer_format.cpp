#include "mosb/agent/layer_format.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mosb/base/text.h"
#include "mosb/oci/media_types.h"

namespace mosb::agent {

namespace {

constexpr std::array<std::pair<const char*, Compression>, 5> kCompressions{
    {{"zstd", Compression::kZstd},
     {"gzip", Compression::kGzip},
     {"xz", Compression::kXz},
     {"lz4", Compression::kLz4},
     {"lz4hc", Compression::kLz4hc}}};

bool has_compression(Filesystem filesystem, Compression compression) {
  return filesystem == Filesystem::kErofs
             ? compression == Compression::kLz4 || compression == Compression::kLz4hc
             : compression != Compression::kLz4hc;
}

Compression default_compression(Filesystem filesystem) {
  return filesystem == Filesystem::kErofs ? Compression::kLz4hc : Compression::kZstd;
}

}  // namespace

const char* compression_name(Compression compression) {
  for (const auto& [name, value] : kCompressions) {
    if (value == compression) {
      return name;
    }
  }
  return "";
}

Result<LayerFormat> parse_layer_format(const std::string& filesystem,
                                       const std::string& compression) {
  const auto kind = parse_filesystem(filesystem);
  if (!kind) {
    return Error(Errc::kUsage, "unknown file system " + quote(filesystem) + ": squashfs or erofs");
  }
  if (compression.empty()) {
    return LayerFormat{*kind, default_compression(*kind)};
  }
  const auto known = std::ranges::find_if(
      kCompressions, [&](const auto& entry) { return compression == entry.first; });
  if (known == kCompressions.end() || !has_compression(*kind, known->second)) {
    return Error(Errc::kUsage,
                 "no compression " + quote(compression) + " for " + filesystem_name(*kind) + ": " +
                     (*kind == Filesystem::kErofs ? "lz4hc or lz4" : "zstd, gzip, xz or lz4"));
  }
  return LayerFormat{*kind, known->second};
}

std::string layer_media_type(const LayerFormat& format) {
  const char* const base =
      format.filesystem == Filesystem::kErofs ? oci::kErofsLayer : oci::kSquashfsLayer;
  return std::string(base) + "+" + compression_name(format.compression);
}

}  // namespace mosb::agent
